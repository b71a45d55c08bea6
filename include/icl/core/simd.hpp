#pragma once

#include <immintrin.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "icl/core/isa.hpp"

/// Sums that have the same bits on every CPU, compiler and optimisation level: sixteen lanes
/// whatever the width of the registers, explicit fused multiply-adds, and one fixed tree for the
/// sum over lanes.
namespace icl::simd {
inline namespace ICL_ISA {

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
  /// p[0] to p[n - 1], then zeros; 0 <= n < lanes. Reads nothing behind them.
  static Pack load_first(const T* p, std::int64_t n) {
    Pack r{};
    for (std::int64_t i = 0; i < n; ++i) r.v[static_cast<std::size_t>(i)] = p[i];
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
  /// The sums of four packs, each with the bits of sum().
  static void sums(const std::array<Pack, 4>& packs, T* out) {
    for (const Pack& pack : packs) *out++ = pack.sum();
  }
  /// The largest lane; of lanes that are NaN, all must be.
  [[nodiscard]] T largest() const {
    T most = v[0];
    for (const T x : v) most = x > most ? x : most;
    return most;
  }
  /// a b + c, rounded once.
  friend Pack fma(const Pack& a, const Pack& b, const Pack& c) {
    Pack r;
    for (std::size_t i = 0; i < lanes; ++i) r.v[i] = std::fma(a.v[i], b.v[i], c.v[i]);
    return r;
  }
  /// a > b ? a : b.
  friend Pack greater(const Pack& a, const Pack& b) {
    Pack r;
    for (std::size_t i = 0; i < lanes; ++i) r.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return r;
  }
  friend Pack operator-(const Pack& a, const Pack& b) {
    Pack r;
    for (std::size_t i = 0; i < lanes; ++i) r.v[i] = a.v[i] - b.v[i];
    return r;
  }
  friend Pack operator*(const Pack& a, const Pack& b) {
    Pack r;
    for (std::size_t i = 0; i < lanes; ++i) r.v[i] = a.v[i] * b.v[i];
    return r;
  }
};

template <>
struct Pack<float> {
#ifdef ICL_AVX512
  __m512 v;

  static __mmask16 first(std::int64_t n) {
    return static_cast<__mmask16>((1U << static_cast<unsigned int>(n)) - 1);
  }
  static Pack load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Pack load_first(const float* p, std::int64_t n) {
    return {_mm512_maskz_loadu_ps(first(n), p)};
  }
  static Pack broadcast(float x) { return {_mm512_set1_ps(x)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  /// Lanes i and i + 8 added up, for i < 8.
  [[nodiscard]] __m256 eights() const {
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  }
  friend Pack fma(const Pack& a, const Pack& b, const Pack& c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  friend Pack greater(const Pack& a, const Pack& b) { return {_mm512_max_ps(a.v, b.v)}; }
  friend Pack operator-(const Pack& a, const Pack& b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Pack operator*(const Pack& a, const Pack& b) { return {_mm512_mul_ps(a.v, b.v)}; }
#else
  __m256 low, high;

  static Pack load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Pack load_first(const float* p, std::int64_t n) {
    const __m256i count = _mm256_set1_epi32(static_cast<std::int32_t>(n));
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i rest = _mm256_sub_epi32(count, _mm256_set1_epi32(8));
    return {
        _mm256_maskload_ps(p, _mm256_cmpgt_epi32(count, lane)),
        n > 8 ? _mm256_maskload_ps(p + 8, _mm256_cmpgt_epi32(rest, lane)) : _mm256_setzero_ps()};
  }
  static Pack broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  /// Lanes i and i + 8 added up, for i < 8.
  [[nodiscard]] __m256 eights() const { return _mm256_add_ps(low, high); }
  friend Pack fma(const Pack& a, const Pack& b, const Pack& c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  friend Pack greater(const Pack& a, const Pack& b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  friend Pack operator-(const Pack& a, const Pack& b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  friend Pack operator*(const Pack& a, const Pack& b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
#endif
  /// Lanes i, i + 4, i + 8 and i + 12 added up, for i < 4.
  [[nodiscard]] __m128 fours() const {
    const __m256 eight = eights();
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  [[nodiscard]] float sum() const {
    const __m128 four = fours();
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static void sums(const std::array<Pack, 4>& packs, float* out) {
    __m128 a = packs[0].fours();
    __m128 b = packs[1].fours();
    __m128 c = packs[2].fours();
    __m128 d = packs[3].fours();
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d)));
  }
  [[nodiscard]] float largest() const {
#ifdef ICL_AVX512
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
#else
    const __m256 eight = _mm256_max_ps(low, high);
#endif
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
};

/// sum_i a_i b_i over n elements. Adding zeros behind the last one changes nothing.
template <class T>
T dot(const T* a, const T* b, std::int64_t n) {
  auto total = Pack<T>::broadcast(T{0});
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    total = fma(Pack<T>::load(a + i), Pack<T>::load(b + i), total);
  }
  if (i < n) {
    total = fma(Pack<T>::load_first(a + i, n - i), Pack<T>::load_first(b + i, n - i), total);
  }
  return total.sum();
}

/// out[k] = sum_i v_i rows[k]_i over n elements, n a multiple of `lanes`: four times `dot` at once,
/// with its bits.
template <class T>
void dots(const T* v, const std::array<const T*, 4>& rows, std::int64_t n, T* out) {
  const auto zero = Pack<T>::broadcast(T{0});
  std::array<Pack<T>, 4> totals{zero, zero, zero, zero};
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto x = Pack<T>::load(v + i);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      totals[k] = fma(x, Pack<T>::load(rows[k] + i), totals[k]);
    }
  }
  Pack<T>::sums(totals, out);
}

/// sum_i a_i over n elements, in the order of `dot`.
template <class T>
T sum(const T* a, std::int64_t n) {
  const auto one = Pack<T>::broadcast(T{1});
  auto total = Pack<T>::broadcast(T{0});
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) total = fma(Pack<T>::load(a + i), one, total);
  if (i < n) total = fma(Pack<T>::load_first(a + i, n - i), one, total);
  return total.sum();
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

}  // namespace ICL_ISA
}  // namespace icl::simd
