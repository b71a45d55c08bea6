#pragma once

#include <cstdint>
#include <limits>

#include "icl/core/real.hpp"

namespace icl::test {

/// Half an ulp of 1: the largest relative error of one rounding.
inline constexpr double unit_roundoff = std::numeric_limits<Real>::epsilon() / 2;

/// What a sum of n products may err by, added up in any order: n + 2 roundings of at most
/// unit_roundoff relative to the sum of the magnitudes of the terms.
inline double sum_tolerance(std::int64_t n, double magnitude) {
  return static_cast<double>(n + 2) * unit_roundoff * magnitude;
}

/// The exact value of an SGD step, and what the library may err by.
struct ExactStep {
  double value, tolerance;
};

/// w - rate (g + decay w) for a gradient g = sum of n terms whose magnitudes add up to g_magnitude.
/// Roundings: -rate, rate decay and (1 - decay) w each once, the n of g, and the sum: so half an
/// ulp of w twice, and n + 2 of rate g_magnitude; one more of each for good measure.
inline ExactStep exact_step(double w, double rate, double decay, std::int64_t n, double g,
                            double g_magnitude) {
  const double size = w < 0 ? -w : w;
  return {w - rate * (g + decay * w),
          3 * unit_roundoff * size + sum_tolerance(n + 1, rate * g_magnitude)};
}

}  // namespace icl::test
