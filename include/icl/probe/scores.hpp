#pragma once

#include <cstdint>

#include "icl/core/batch.hpp"

namespace icl::probe {

/// Differences of the scores of one sequence.
struct Scores {
  /// Score on the copies (the log of the mean weight of one, if there are several) minus the
  /// log-mean-exp of the scores on the other context tokens, without the target; NaN where the
  /// context holds copies alone.
  double beta;
  double self_minus_copy;  ///< the target's own score minus that on the copies
  bool attends_to_itself;  ///< otherwise the target has no score of its own
};

/// Of sequence b, from the weights a [N] that the target's learned attention gave, itself last: the
/// softmax takes off the same of all scores. A weight below the least normal float counts as that.
[[nodiscard]] Scores read_scores(const Batch&, std::int64_t b, const Real* a);

}  // namespace icl::probe
