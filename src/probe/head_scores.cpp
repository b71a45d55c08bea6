#include "icl/probe/head_scores.hpp"

#include <limits>

namespace icl::probe {

HeadScores read_head_scores(const Batch& batch, std::int64_t b, const Real* a, std::int64_t queries,
                            std::int64_t tokens, std::int64_t stride) {
  HeadScores scores;
  const Real* target = a + (queries - 1) * tokens;
  const std::uint8_t* copy = batch.copy.row(b);
  for (std::int64_t j = 0; j + 1 < batch.length; ++j) {
    if (copy[j] == 0) continue;
    scores.on_copy += target[stride * j];
    scores.after_copy += target[stride * j + 1];
  }
  if (queries != tokens) {
    scores.on_previous = std::numeric_limits<double>::quiet_NaN();
    return scores;
  }
  std::int64_t count = 0;
  for (std::int64_t i = 1; i < tokens; i += stride) {
    scores.on_previous += a[i * tokens + i - 1];
    ++count;
  }
  scores.on_previous /= static_cast<double>(count);
  return scores;
}

}  // namespace icl::probe
