#pragma once

#include <cstdint>

#include "icl/core/batch.hpp"
#include "icl/nn/token_loops.hpp"

namespace icl::nn {

/// The N rows of sequence b of a batch in its token table, the target last.
class Tokens {
 public:
  Tokens(const Batch& batch, std::int64_t b)
      : rows_{batch.table->context.data(),
              batch.table->context.extent(1),
              batch.items.row(b),
              batch.length - 1,
              batch.table->target.row(batch.items.row(b)[batch.length - 1]),
              b + 1 < batch.size ? batch.items.row(b + 1) : nullptr} {}

  [[nodiscard]] const Real* target() const { return rows_.last; }
  /// Of context token j < N - 1.
  [[nodiscard]] const Real* context(std::int64_t j) const { return rows_.row(j); }

  /// s_j = v . r_j for all j.
  void scores(const Real* v, Real* s) const { token_loops().scores(rows_, v, s); }
  /// out = sum_j a_j r_j, added up in the order of the tokens.
  void weighted_sum(const Real* a, Real* out) const { token_loops().weighted_sum(rows_, a, out); }

 private:
  Rows rows_;
};

/// a <- softmax(a) over n entries, in place.
inline void softmax(Real* a, std::int64_t n) { token_loops().softmax(a, n); }

}  // namespace icl::nn
