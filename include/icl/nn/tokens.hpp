#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "icl/core/batch.hpp"
#include "icl/core/math.hpp"
#include "icl/core/simd.hpp"

namespace icl::nn {

/// The N rows of sequence b of a batch in its token table, the target last.
class Tokens {
 public:
  Tokens(const Batch& batch, std::int64_t b)
      : width_(batch.table->context.extent(1)),
        table_(batch.table->context.data()),
        items_(batch.items.row(b)),
        context_(batch.length - 1),
        target_(batch.table->target.row(items_[context_])) {}

  [[nodiscard]] const Real* target() const { return target_; }
  /// Of context token j < N - 1.
  [[nodiscard]] const Real* context(std::int64_t j) const { return row(j); }

  /// s_j = v . r_j for all j.
  void scores(const Real* v, Real* s) const {
    std::int64_t j = 0;
    for (; j + 4 <= context_; j += 4) {
      for (std::int64_t i = j + prefetch_distance; i < j + prefetch_distance + 4; ++i) {
        if (i < context_) prefetch(row(i));
      }
      simd::dots(v, {row(j), row(j + 1), row(j + 2), row(j + 3)}, width_, s + j);
    }
    for (; j < context_; ++j) s[j] = simd::dot(v, row(j), width_);
    s[context_] = simd::dot(v, target_, width_);
  }

  /// out = sum_j a_j r_j, added up in the order of the tokens.
  void weighted_sum(const Real* a, Real* out) const {
    constexpr std::int64_t chunk = 64;
    std::int64_t first = 0;
    for (; first + chunk <= width_; first += chunk) weighted_columns<4>(a, first, out);
    for (; first < width_; first += simd::lanes) weighted_columns<1>(a, first, out);
  }

 private:
  static constexpr std::int64_t prefetch_distance = 8;

  [[nodiscard]] const Real* row(std::int64_t j) const { return table_ + items_[j] * width_; }

  void prefetch(const Real* p) const {
    constexpr std::int64_t line = BasicTensor<Real>::alignment / sizeof(Real);
    for (std::int64_t i = 0; i < width_; i += line) __builtin_prefetch(p + i);
  }

  template <std::size_t packs>
  void weighted_columns(const Real* a, std::int64_t first, Real* out) const {
    std::array<simd::Pack<Real>, packs> total;
    total.fill(simd::Pack<Real>::broadcast(0));
    const auto add = [&](Real weight, const Real* r) {
      const auto w = simd::Pack<Real>::broadcast(weight);
      for (std::size_t p = 0; p < packs; ++p) {
        total[p] =
            fma(w, simd::Pack<Real>::load(r + first + static_cast<std::int64_t>(p) * simd::lanes),
                total[p]);
      }
    };
    for (std::int64_t j = 0; j < context_; ++j) add(a[j], row(j));
    add(a[context_], target_);
    for (std::size_t p = 0; p < packs; ++p) {
      total[p].store(out + first + static_cast<std::int64_t>(p) * simd::lanes);
    }
  }

  std::int64_t width_;
  const Real* table_;
  const std::int32_t* items_;
  std::int64_t context_;
  const Real* target_;
};

/// a <- softmax(a) over n entries, in place.
inline void softmax(Real* a, std::int64_t n) {
  Real largest = a[0];
  for (std::int64_t j = 1; j < n; ++j) largest = a[j] > largest ? a[j] : largest;
  for (std::int64_t j = 0; j < n; ++j) a[j] = math::exp(a[j] - largest);
  const Real scale = Real{1} / simd::sum(a, n);
  for (std::int64_t j = 0; j < n; ++j) a[j] *= scale;
}

}  // namespace icl::nn
