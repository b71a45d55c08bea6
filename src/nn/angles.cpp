#include "icl/nn/angles.hpp"

#include <cmath>
#include <numbers>

#include "icl/core/math.hpp"

namespace icl::nn {
namespace {

constexpr double pi = std::numbers::pi;

/// cos t for any t of moderate size.
double cosine(double t) {
  const double turned = std::abs(std::fma(-2 * pi, std::nearbyint(t / (2 * pi)), t));  // <= pi
  return turned <= pi / 2 ? math::cos_quarter(turned) : -math::cos_quarter(pi - turned);
}

}  // namespace

Angles::Angles(std::int64_t places, std::int64_t width, Storage storage)
    : cos({places, (width + 1) / 2}, storage), sin({places, (width + 1) / 2}, storage) {
  if (storage.is_on_paper()) return;
  constexpr double base = 10000;
  for (std::int64_t t = 0; t < places; ++t) {
    for (std::int64_t i = 0; i < cos.extent(1); ++i) {
      const double share = 2 * static_cast<double>(i) / static_cast<double>(width);
      const double angle = static_cast<double>(t) * math::exp(-share * math::log(base));
      cos.row(t)[i] = static_cast<Real>(cosine(angle));
      sin.row(t)[i] = static_cast<Real>(cosine(angle - pi / 2));
    }
  }
}

void turn(const Angles& angles, std::int64_t t, Turn way, Real* v) {
  const std::int64_t half = angles.cos.extent(1);
  const Real sign = way == Turn::forth ? Real{1} : Real{-1};
  const Real* c = angles.cos.row(t);
  const Real* s = angles.sin.row(t);
  for (std::int64_t i = 0; i < half; ++i) {
    const Real a = v[i];
    const Real b = v[i + half];
    const Real sine = sign * s[i];
    v[i] = std::fma(a, c[i], -b * sine);
    v[i + half] = std::fma(b, c[i], a * sine);
  }
}

}  // namespace icl::nn
