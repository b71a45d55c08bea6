#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"

/// What the systems share that read plain tokens.
namespace icl::model {

/// Where the random numbers of phi's initial weights begin: phi of equal seeds is equal in all of
/// the systems whose MLP phi reads the target's item alone.
inline constexpr std::uint32_t memoriser_ordinal = 2;

/// The number beta that a run begins with, in systems whose attention has one: as given, or drawn
/// from N(0, 1), the same for equal seeds in all of them. As all weights, it begins as a float.
[[nodiscard]] Real initial_beta(std::optional<double> given, std::int64_t seed);

/// Row [W] of a plain token: x [D], the label, zeros.
void encode_plain(std::span<const float> item, int label, std::int64_t width, Real* row);

/// x [B, D]: the target's item of each sequence, from its plain token.
void gather_targets(const Batch&, Tensor& x, const Workers&);

/// One step of phi: D to H to H to 1; the gradient of the items is not needed.
[[nodiscard]] double memoriser_flops(std::int64_t batch, std::int64_t dimension,
                                     std::int64_t hidden);

}  // namespace icl::model
