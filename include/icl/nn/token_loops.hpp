#pragma once

#include <cstdint>

#include "icl/core/isa.hpp"
#include "icl/core/real.hpp"

namespace icl::nn {

/// Rows r_0, ..., r_{n-1} [width] of a table, and r_n, the last; `width` is a multiple of
/// simd::lanes.
struct Rows {
  const Real* table;
  std::int64_t width;
  const std::int32_t* numbers;  ///< [n] their places in the table
  std::int64_t n;
  const Real* last;
  const std::int32_t* next =
      nullptr;  ///< [n] the numbers that will be wanted after these, if known

  [[nodiscard]] const Real* row(std::int64_t j) const { return table + numbers[j] * width; }
};

/// The loops over the tokens of a sequence, in both instruction sets.
struct TokenLoops {
  /// s_j = v . r_j for j <= n.
  void (*scores)(const Rows&, const Real* v, Real* s);
  /// out = sum_j a_j r_j over j <= n, added up in the order of the rows.
  void (*weighted_sum)(const Rows&, const Real* a, Real* out);
  /// a <- softmax(a) over n entries, in place.
  void (*softmax)(Real* a, std::int64_t n);
  /// The reduced row of TokenNorm [row_width] of item x [items] with `label` -1 or +1, or 0 for
  /// none, in the one-hot code.
  void (*encode)(const float* x, std::int64_t items, int label, Real* row, std::int64_t row_width);
};

namespace avx2 {
extern const TokenLoops token_loops;
}
namespace avx512 {
extern const TokenLoops token_loops;
}

inline const TokenLoops& token_loops() { return in_force(avx2::token_loops, avx512::token_loops); }

}  // namespace icl::nn
