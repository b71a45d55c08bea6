#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/core/random.hpp"

/// Vectors in double, by all workers, with the same bits for any number of them: sums are over
/// fixed tiles, and then over the tiles in order.
namespace icl::curvature {

using Vector = std::vector<double>;

[[nodiscard]] double dot(std::span<const double> a, std::span<const double> b, const Workers&);
[[nodiscard]] double norm(std::span<const double> a, const Workers&);

/// out <- a + factor b.
void add(std::span<const double> a, double factor, std::span<const double> b, std::span<double> out,
         const Workers&);
/// a <- factor a.
void scale(std::span<double> a, double factor, const Workers&);

/// u <- u - sum_j (q_j . u) q_j for orthonormal q, twice: what is left is orthogonal to all of them
/// to the last bits.
void orthogonalise(const std::vector<Vector>& q, std::span<double> u, const Workers&);

/// A vector of entries +1 and -1, drawn fairly: number `which` of a seed.
void draw_signs(std::uint64_t seed, std::uint64_t which, std::span<double> out);

}  // namespace icl::curvature
