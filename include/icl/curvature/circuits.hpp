#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/curvature/eigenvalues.hpp"

namespace icl::curvature {

/// A tensor of a model, by its name in the torch state_dict.
struct NamedTensor {
  std::string name;
  std::int64_t size = 0;
  bool trained = true;
};

/// Some of the parameters w [d], which are all tensors one behind the other.
struct Circuit {
  std::string name;
  std::vector<Tile> parts;  ///< of w, rising
  [[nodiscard]] std::int64_t size() const;
};

/// The sub-circuits of a model, as far as it has them, without what it never trains
/// (compat.frozen_readout); what an intervention holds still over some steps is in them:
///     all          everything
///     attention    layer norm, W_q, W_k and W_v; beta and w of the systems with these
///     query_key    what makes the scores: W_q and W_k, or beta
///     value        what is made of the attended tokens: W_v, or w
///     mlp          the MLPs, the readout included
[[nodiscard]] std::vector<Circuit> circuits_of(std::span<const NamedTensor>);

/// The entries of a vector [d] that belong to the circuit, one behind the other; and back, with
/// zeros elsewhere.
[[nodiscard]] Vector gather(const Circuit&, std::span<const double> whole);
void scatter(const Circuit&, std::span<const double> part, std::span<double> whole);

/// sum over the circuit's entries of a_i b_i.
[[nodiscard]] double dot_within(const Circuit&, std::span<const double> a,
                                std::span<const double> b);

/// The diagonal block of a matrix [d, d] that belongs to a circuit.
[[nodiscard]] Product block_of(const Product& whole, const Circuit&, std::int64_t d);

}  // namespace icl::curvature
