#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/curvature/circuits.hpp"
#include "icl/curvature/eigenvalues.hpp"

namespace icl::curvature {

/// g <- the gradient of a function at w; returns the function's value there.
using Gradient = std::function<double(std::span<const double> w, std::span<double> g)>;

/// Half the distance between the two points of a central difference, in units of |w|'s own: what is
/// cut off is of the order of its square, 2e-10 of the fourth derivative, and rounding about 1e-11
/// of the gradient.
inline constexpr double difference_step = 0x1p-16;

/// The Hessian of a function at w, by central differences of its gradient:
///     H v = |v| (g(w + h u) - g(w - h u)) / (2 h),  u = v / |v|.
/// `gradient` and w must outlive it.
[[nodiscard]] Product hessian(const Gradient& gradient, std::span<const double> w, const Workers&);

/// A mean over samples and its standard error.
struct Estimate {
  double value = 0, error = 0;
};

/// The trace of each circuit's block of a symmetric A, from one set of vectors z of signs
/// (Hutchinson 1990): the mean of sum_{i in circuit} z_i (A z)_i. The error is that of the mean
/// over `samples` vectors, for which 2 are needed.
[[nodiscard]] std::vector<Estimate> traces(const Product& a, const std::vector<Circuit>&,
                                           std::int64_t d, std::int64_t samples,
                                           std::uint64_t seed);

}  // namespace icl::curvature
