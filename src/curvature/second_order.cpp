#include "icl/curvature/second_order.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "icl/curvature/vectors.hpp"

namespace icl::curvature {

Product hessian(const Gradient& gradient, std::span<const double> w, const Workers& workers) {
  return [&gradient, w, workers, at = Vector(w.size()), below = Vector(w.size())](
             std::span<const double> v, std::span<double> out) mutable {
    const double length = norm(v, workers);
    if (length == 0) {
      std::ranges::fill(out, 0.0);
      return;
    }
    const double step = difference_step / length;
    add(w, -step, v, at, workers);
    gradient(at, below);
    add(w, step, v, at, workers);
    gradient(at, out);
    add(out, -1, below, out, workers);
    scale(out, 1 / (2 * step), workers);
  };
}

std::vector<Estimate> traces(const Product& a, const std::vector<Circuit>& circuits, std::int64_t d,
                             std::int64_t samples, std::uint64_t seed) {
  Vector signs(static_cast<std::size_t>(d));
  Vector image(signs.size());
  std::vector<Vector> values(circuits.size());
  // Other vectors than those with which the Lanczos process begins.
  constexpr std::uint64_t first = 1U << 31U;
  for (std::int64_t i = 0; i < samples; ++i) {
    draw_signs(seed, first + static_cast<std::uint64_t>(i), signs);
    a(signs, image);
    for (std::size_t c = 0; c < circuits.size(); ++c) {
      values[c].push_back(dot_within(circuits[c], signs, image));
    }
  }
  std::vector<Estimate> estimates;
  estimates.reserve(values.size());
  const auto n = static_cast<double>(samples);
  for (const Vector& sample : values) {
    double mean = 0;
    for (const double x : sample) mean += x / n;
    double squares = 0;
    for (const double x : sample) squares += (x - mean) * (x - mean);
    estimates.push_back({mean, std::sqrt(squares / (n - 1) / n)});
  }
  return estimates;
}

}  // namespace icl::curvature
