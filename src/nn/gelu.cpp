#include "icl/nn/gelu.hpp"

#include <cmath>

#include "icl/core/math.hpp"

namespace icl::nn {
namespace {

constexpr Real root = static_cast<Real>(0.79788456080286535588);  // sqrt(2 / pi)
constexpr Real cubic = static_cast<Real>(0.044715);

/// sigma(2 u).
Real gate(Real z) {
  const Real u = root * std::fma(cubic * z * z, z, z);
  const Real e = math::exp(-2 * std::abs(u));
  return (u < 0 ? e : Real{1}) / (Real{1} + e);
}

}  // namespace

void gelu(const Real* z, std::int64_t n, Real* h) {
  for (std::int64_t i = 0; i < n; ++i) h[i] = z[i] * gate(z[i]);
}

void gelu_backward(const Real* z, std::int64_t n, Real* dh) {
  for (std::int64_t i = 0; i < n; ++i) {
    // h = z s, s = sigma(2 u):  dz = dh (s + z s (1 - s) 2 u'),  u' = root (1 + 3 cubic z^2)
    const Real s = gate(z[i]);
    const Real slope = 2 * root * std::fma(3 * cubic * z[i], z[i], Real{1});
    dh[i] *= std::fma(z[i] * s * (1 - s), slope, s);
  }
}

}  // namespace icl::nn
