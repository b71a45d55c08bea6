#pragma once

#include <cstdint>

#include "icl/core/batch.hpp"
#include "icl/core/real.hpp"

namespace icl::probe {

/// What one head attends to in one sequence of T tokens. A copy's item stands in token i; what
/// follows it is token i + 1: with interleaved tokens the copy's label.
struct HeadScores {
  double on_copy = 0;      ///< sum over the copies of a_Ti
  double after_copy = 0;   ///< sum over the copies of a_T(i+1)
  double on_previous = 0;  ///< mean of a_i(i-1): over the labels i, or without those over all i > 1
};

/// Of sequence b, from the weights a [Tq, T] of its queries, which are all T tokens or the last
/// alone; on_previous is NaN of the last alone. `stride`: tokens from an item to the next, 2 where
/// its label stands between.
[[nodiscard]] HeadScores read_head_scores(const Batch&, std::int64_t b, const Real* a,
                                          std::int64_t queries, std::int64_t tokens,
                                          std::int64_t stride);

}  // namespace icl::probe
