#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "icl/core/isa.hpp"

/// Elementary functions with the same bits on every CPU: those of libm differ between CPUs with and
/// without fused multiply-add, and between versions of the C library. All are free of branches, so
/// that loops over arrays vectorise. NaN gives NaN, but for log, whose arguments are never NaN.
namespace icl::math {
inline namespace ICL_ISA {

/// e^x in float for x <= 88, error under 2 ulp; below -87 the result is 0 (no denormals).
inline float exp(float x) {
  constexpr float lowest = -87.0F;
  constexpr float log2_e = 1.44269504088896341F;
  constexpr float ln2_high = 0.693359375F;
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round_to_integer = 12582912.0F;  // 1.5 * 2^23
  const float clamped = x < lowest ? lowest : x;
  const float shifted = std::fma(clamped, log2_e, round_to_integer);
  const float n = shifted - round_to_integer;
  const float r = std::fma(n, -ln2_low, std::fma(n, -ln2_high, clamped));
  // Minimax polynomial of (e^r - 1 - r) / r^2 on [-ln2/2, ln2/2], from Cephes expf (S. Moshier).
  float p = 1.9875691500e-4F;
  p = std::fma(p, r, 1.3981999507e-3F);
  p = std::fma(p, r, 8.3334519073e-3F);
  p = std::fma(p, r, 4.1665795894e-2F);
  p = std::fma(p, r, 1.6666665459e-1F);
  p = std::fma(p, r, 5.0000001201e-1F);
  const float e_r = std::fma(p, r * r, r) + 1.0F;
  const auto exponent = std::bit_cast<std::uint32_t>(shifted) << 23U;  // n in the exponent's bits
  const auto scaled = std::bit_cast<float>(std::bit_cast<std::uint32_t>(e_r) + exponent);
  return x < lowest ? 0.0F : (x != x ? x : scaled);
}

/// e^x in double for x <= 709, error about 1 ulp; below -708 the result is 0.
inline double exp(double x) {
  constexpr double lowest = -708.0;
  constexpr double log2_e = 1.4426950408889634;
  constexpr double ln2_high = 6.93145751953125e-1;
  constexpr double ln2_low = 1.42860682030941723212e-6;
  constexpr double round_to_integer = 6755399441055744.0;  // 1.5 * 2^52
  const double clamped = x < lowest ? lowest : x;
  const double shifted = std::fma(clamped, log2_e, round_to_integer);
  const double n = shifted - round_to_integer;
  const double r = std::fma(n, -ln2_low, std::fma(n, -ln2_high, clamped));
  // Taylor: the first term left out, r^14 / 14!, is below 2^-57 for |r| <= ln2 / 2.
  double p = 1.0 / 6227020800.0;
  p = std::fma(p, r, 1.0 / 479001600.0);
  p = std::fma(p, r, 1.0 / 39916800.0);
  p = std::fma(p, r, 1.0 / 3628800.0);
  p = std::fma(p, r, 1.0 / 362880.0);
  p = std::fma(p, r, 1.0 / 40320.0);
  p = std::fma(p, r, 1.0 / 5040.0);
  p = std::fma(p, r, 1.0 / 720.0);
  p = std::fma(p, r, 1.0 / 120.0);
  p = std::fma(p, r, 1.0 / 24.0);
  p = std::fma(p, r, 1.0 / 6.0);
  p = std::fma(p, r, 0.5);
  const double e_r = std::fma(p, r * r, r) + 1.0;
  const auto exponent = std::bit_cast<std::uint64_t>(shifted) << 52U;
  const auto scaled = std::bit_cast<double>(std::bit_cast<std::uint64_t>(e_r) + exponent);
  return x < lowest ? 0.0 : (x != x ? x : scaled);
}

/// ln(1 + u) for 0 <= u <= 1, error under 3 ulp: 2 artanh(u / (2 + u)) by its series. Not monotone
/// to the last ulp.
inline double log1p_unit(double u) {
  const double s = u / (2.0 + u);  // at most 1/3
  const double s2 = s * s;
  constexpr int terms = 17;  // the first one left out is s^36 / 37 relative: below 2^-60
  double p = 1.0 / (2 * terms + 1);
  for (int k = terms - 1; k >= 0; --k) p = std::fma(p, s2, 1.0 / (2 * k + 1));
  return 2.0 * s * p;
}

/// The logistic function 1 / (1 + e^-x).
inline double logistic(double x) {
  const double e = exp(-std::abs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

/// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|).
inline double softplus(double x) { return (x > 0 ? x : 0.0) + log1p_unit(exp(-std::abs(x))); }

/// ln x for positive normal x = (1 + u) 2^n, as n ln 2 + ln(1 + u): absolute error under
/// 4e-16 (1 + |log2 x|).
inline double log(double x) {
  constexpr int mantissa_bits = 52;
  constexpr std::int64_t bias = 1023;
  const auto bits = std::bit_cast<std::int64_t>(x);
  const auto n = static_cast<double>((bits >> mantissa_bits) - bias);
  const auto mantissa = (bits & ((std::int64_t{1} << mantissa_bits) - 1)) | bias << mantissa_bits;
  return n * std::numbers::ln2 + log1p_unit(std::bit_cast<double>(mantissa) - 1);
}

/// ln x for positive normal x; minimax polynomial from Cephes logf, error under 2 ulp.
inline float log(float x) {
  constexpr std::int32_t sqrt_half = 0x3f3504f3;  // bits of 1/sqrt(2)
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t e = (bits - sqrt_half) >> 23;
  const auto m = std::bit_cast<float>(bits - e * (1 << 23)) - 1.0F;  // 1 + m in [1/sqrt2, sqrt2)
  const auto n = static_cast<float>(e);
  float p = 7.0376836292e-2F;
  p = std::fma(p, m, -1.1514610310e-1F);
  p = std::fma(p, m, 1.1676998740e-1F);
  p = std::fma(p, m, -1.2420140846e-1F);
  p = std::fma(p, m, 1.4249322787e-1F);
  p = std::fma(p, m, -1.6668057665e-1F);
  p = std::fma(p, m, 2.0000714765e-1F);
  p = std::fma(p, m, -2.4999993993e-1F);
  p = std::fma(p, m, 3.3333331174e-1F);
  const float m2 = m * m;
  float y = p * m2 * m;
  y = std::fma(n, -2.12194440e-4F, y);
  y = std::fma(m2, -0.5F, y);
  return std::fma(n, 0.693359375F, m + y);
}

/// Sine and cosine of t for |t| <= pi/4; minimax polynomials from Cephes sinf and cosf.
struct SinCos {
  float sin;
  float cos;
};
inline SinCos sincos_octant(float t) {
  const float z = t * t;
  float s = -1.9515295891e-4F;
  s = std::fma(s, z, 8.3321608736e-3F);
  s = std::fma(s, z, -1.6666654611e-1F);
  float c = 2.443315711809948e-5F;
  c = std::fma(c, z, -1.388731625493765e-3F);
  c = std::fma(c, z, 4.166664568298827e-2F);
  return {std::fma(s * z, t, t), std::fma(c * z, z, std::fma(z, -0.5F, 1.0F))};
}

/// Cosine of t for |t| <= pi/2, absolute error under 2e-16: Taylor, whose first term left out, t^24
/// / 24!, is below 1e-19.
inline double cos_quarter(double t) {
  const double z = t * t;
  constexpr int terms = 11;
  double c = 1;
  for (int k = terms; k >= 1; --k) c = std::fma(-z / ((2.0 * k - 1) * (2.0 * k)), c, 1.0);
  return c;
}

}  // namespace ICL_ISA
}  // namespace icl::math
