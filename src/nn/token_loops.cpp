#include "icl/nn/token_loops.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "icl/core/math.hpp"
#include "icl/core/simd.hpp"
#include "icl/nn/token_norm.hpp"

namespace icl::nn::ICL_ISA {
namespace {

using Pack = simd::Pack<Real>;
using simd::lanes;

/// Asks for a row: for the first cache, or for the second, which holds what two sequences read.
enum class Cache : std::uint8_t { first, second };
template <Cache cache>
[[gnu::always_inline]] inline void prefetch(const Real* row, std::int64_t width) {
  constexpr std::int64_t line = 64 / sizeof(Real);
  for (std::int64_t i = 0; i < width; i += line) {
    __builtin_prefetch(row + i, 0, cache == Cache::first ? 3 : 2);
  }
}

/// Rows are anywhere in a table that no cache may hold. So while those of a sequence are multiplied
/// the next sequence's are fetched, each a whole sequence ahead of its use.
[[gnu::always_inline]] inline void scores_of_width(const Rows& rows, std::int64_t width,
                                                   const Real* v, Real* s) {
  constexpr std::int64_t ahead = 8;
  const auto row = [&](std::int64_t number) { return rows.table + number * width; };
  // Inline, or gcc takes a function that does nothing but ask for memory for one without effects.
  const auto fetch_next = [&](std::int64_t j) __attribute__((always_inline)) {
    if (rows.next != nullptr) prefetch<Cache::second>(row(rows.next[j]), width);
  };
  std::int64_t j = 0;
  for (; j + 4 <= rows.n; j += 4) {
    for (std::int64_t i = j; i < j + 4; ++i) {
      fetch_next(i);
      if (i + ahead < rows.n) prefetch<Cache::first>(row(rows.numbers[i + ahead]), width);
    }
    simd::dots(v,
               {row(rows.numbers[j]), row(rows.numbers[j + 1]), row(rows.numbers[j + 2]),
                row(rows.numbers[j + 3])},
               width, s + j);
  }
  for (; j < rows.n; ++j) {
    fetch_next(j);
    s[j] = simd::dot(v, row(rows.numbers[j]), width);
  }
  s[rows.n] = simd::dot(v, rows.last, width);
}

void scores(const Rows& rows, const Real* v, Real* s) {
  constexpr std::int64_t usual = 64;  // at D = 63: loops that are unrolled
  if (rows.width == usual) return scores_of_width(rows, usual, v, s);
  scores_of_width(rows, rows.width, v, s);
}

/// The weighted sums of columns first, ..., first + packs * lanes - 1.
template <std::int64_t packs>
void weighted_columns(const Rows& rows, const Real* a, std::int64_t first, Real* out) {
  Pack total[packs];  // NOLINT(modernize-avoid-c-arrays): std::array's functions are inline
  for (Pack& t : total) t = Pack::broadcast(0);
  const auto add = [&](Real weight, const Real* r) {
    const Pack w = Pack::broadcast(weight);
    for (std::int64_t p = 0; p < packs; ++p) {
      // NOLINTNEXTLINE(modernize-avoid-c-arrays): where it is captured
      total[p] = fma(w, Pack::load(r + first + p * lanes), total[p]);
    }
  };
  for (std::int64_t j = 0; j < rows.n; ++j) add(a[j], rows.row(j));
  add(a[rows.n], rows.last);
  for (std::int64_t p = 0; p < packs; ++p) total[p].store(out + first + p * lanes);
}

void weighted_sum(const Rows& rows, const Real* a, Real* out) {
  constexpr std::int64_t several = 4;
  std::int64_t first = 0;
  for (; first + several * lanes <= rows.width; first += several * lanes) {
    weighted_columns<several>(rows, a, first, out);
  }
  for (; first < rows.width; first += lanes) weighted_columns<1>(rows, a, first, out);
}

/// p_i <- e^(p_i - shift) for `lanes` entries.
void exp_of_differences(Real* p, Real shift) {
  for (std::int64_t i = 0; i < lanes; ++i) p[i] = math::exp(p[i] - shift);
}

/// The largest of n numbers; NaN if the first is.
Real largest(const Real* a, std::int64_t n) {
  if (n < lanes) {
    Real most = a[0];
    for (std::int64_t j = 1; j < n; ++j) most = a[j] > most ? a[j] : most;
    return most;
  }
  Pack most = Pack::broadcast(a[0]);
  for (std::int64_t j = 0; j + lanes < n; j += lanes) most = greater(Pack::load(a + j), most);
  return greater(Pack::load(a + n - lanes), most).largest();
}

void softmax(Real* a, std::int64_t n) {
  const std::int64_t whole = n / lanes * lanes;
  const Real shift = largest(a, n);
  for (std::int64_t j = 0; j < whole; j += lanes) exp_of_differences(a + j, shift);
  if (whole < n) {
    Real last[lanes];  // NOLINT(modernize-avoid-c-arrays)
    Pack::load_first(a + whole, n - whole).store(last);
    exp_of_differences(last, shift);
    for (std::int64_t j = whole; j < n; ++j) a[j] = last[j - whole];
  }
  const Real scale = Real{1} / simd::sum(a, n);
  for (std::int64_t j = 0; j < n; ++j) a[j] *= scale;
}

/// x as Real: x itself or, in the double build, a copy in row.
[[maybe_unused]] const float* as_real(const float* x, std::int64_t /*items*/,
                                      const float* /*row*/) {
  return x;
}
[[maybe_unused]] const double* as_real(const float* x, std::int64_t items, double* row) {
  for (std::int64_t i = 0; i < items; ++i) row[i] = static_cast<double>(x[i]);
  return row;
}

void encode(const float* x, std::int64_t items, int label, Real* row, std::int64_t row_width) {
  const Real* const v = as_real(x, items, row);
  const Real per_entry = Real{1} / static_cast<Real>(items + 2);
  const Real one = label == 0 ? Real{0} : Real{1};
  const Real mean = (simd::sum(v, items) + one) * per_entry;
  const Pack shift = Pack::broadcast(mean);
  std::int64_t i = 0;
  for (; i + lanes <= items; i += lanes) (Pack::load(v + i) - shift).store(row + i);
  if (i < items) (Pack::load_first(v + i, items - i) - shift).store(row + i);
  const Real squares = simd::dot(row, row, items) + mean * mean + (one - mean) * (one - mean);
  const Real scale =
      Real{1} / std::sqrt(squares * per_entry + static_cast<Real>(TokenNorm::epsilon));
  const Pack factor = Pack::broadcast(scale);
  for (i = 0; i < items; i += lanes) (Pack::load(row + i) * factor).store(row + i);
  row[items] = static_cast<Real>(label) * scale;
  for (i = items + 1; i < row_width; ++i) row[i] = 0;
}

}  // namespace

constinit const TokenLoops token_loops{scores, weighted_sum, softmax, encode};

}  // namespace icl::nn::ICL_ISA
