#pragma once

#include <immintrin.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "icl/core/real.hpp"

/// Sums that have the same bits on every CPU, compiler and optimisation level: sixteen lanes
/// whatever the width of the registers, explicit fused multiply-adds, and one fixed tree for the
/// sum over lanes.
namespace icl::simd {

inline constexpr std::int64_t lanes = 16;

/// The smallest multiple of `lanes` that is at least n: the length of a row padded with zeros.
constexpr std::int64_t padded(std::int64_t n) { return (n + lanes - 1) / lanes * lanes; }

/// Sixteen numbers. This form serves the double build; float has its own below.
template <class T>
struct Pack {
  std::array<T, lanes> v;

  static Pack load(const T* p) {
    Pack r;
    for (std::size_t i = 0; i < lanes; ++i) r.v[i] = p[i];
    return r;
  }
  static Pack broadcast(T x) {
    Pack r;
    r.v.fill(x);
    return r;
  }
  void store(T* p) const {
    for (std::size_t i = 0; i < lanes; ++i) p[i] = v[i];
  }
  [[nodiscard]] T sum() const {
    std::array<T, lanes> s = v;
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) s[i] += s[i + half];
    }
    return s[0];
  }
  /// a b + c, rounded once.
  friend Pack fma(const Pack& a, const Pack& b, const Pack& c) {
    Pack r;
    for (std::size_t i = 0; i < lanes; ++i) r.v[i] = std::fma(a.v[i], b.v[i], c.v[i]);
    return r;
  }
};

template <>
struct Pack<float> {
  __m256 low, high;

  static Pack load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Pack broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  [[nodiscard]] float sum() const {
    const __m256 eight = _mm256_add_ps(low, high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  friend Pack fma(const Pack& a, const Pack& b, const Pack& c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
};

/// sum_i a_i b_i over n elements; what is left behind the last full pack is added one by one.
template <class T>
T dot(const T* a, const T* b, std::int64_t n) {
  auto total = Pack<T>::broadcast(T{0});
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    total = fma(Pack<T>::load(a + i), Pack<T>::load(b + i), total);
  }
  T sum = total.sum();
  for (; i < n; ++i) sum = std::fma(a[i], b[i], sum);
  return sum;
}

/// sum_i a_i over n elements, in the order of `dot`.
template <class T>
T sum(const T* a, std::int64_t n) {
  const auto one = Pack<T>::broadcast(T{1});
  auto total = Pack<T>::broadcast(T{0});
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) total = fma(Pack<T>::load(a + i), one, total);
  T result = total.sum();
  for (; i < n; ++i) result += a[i];
  return result;
}

/// Whether no element is NaN or infinite: 0 x is then 0 for each of them, and so is the sum.
template <class T>
bool all_finite(std::span<const T> x) {
  const auto zero = Pack<T>::broadcast(T{0});
  std::array<Pack<T>, 4> totals{zero, zero, zero, zero};
  const auto n = static_cast<std::int64_t>(x.size());
  const auto stride = static_cast<std::int64_t>(totals.size()) * lanes;
  std::int64_t i = 0;
  for (; i + stride <= n; i += stride) {
    const T* p = x.data() + i;
    for (auto& total : totals) {
      total = fma(zero, Pack<T>::load(p), total);
      p += lanes;
    }
  }
  T sum = 0;
  for (const auto& total : totals) sum += total.sum();
  for (; i < n; ++i) sum = std::fma(T{0}, x[static_cast<std::size_t>(i)], sum);
  return sum == T{0};
}

}  // namespace icl::simd
