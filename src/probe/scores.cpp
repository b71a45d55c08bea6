#include "icl/probe/scores.hpp"

#include <algorithm>
#include <limits>

#include "icl/core/math.hpp"

namespace icl::probe {
namespace {

constexpr double least = std::numeric_limits<float>::min();  // so that its logarithm is finite

double log_mean(double sum, std::int64_t count) {
  return math::log(std::max(sum / static_cast<double>(count), least));
}

}  // namespace

Scores read_scores(const Batch& batch, std::int64_t b, const Real* a) {
  const std::int64_t context = batch.length - 1;
  double copies = 0;
  double others = 0;
  std::int64_t copy_count = 0;
  for (std::int64_t j = 0; j < context; ++j) {
    const bool copy = batch.copy.row(b)[j] != 0;
    (copy ? copies : others) += a[j];
    copy_count += copy ? 1 : 0;
  }
  const double per_copy = log_mean(copies, copy_count);
  const std::int64_t other_count = context - copy_count;
  const double beta = other_count == 0 ? std::numeric_limits<double>::quiet_NaN()
                                       : per_copy - log_mean(others, other_count);
  const double self = a[context];
  return {beta, math::log(std::max(self, least)) - per_copy, self > 0};
}

}  // namespace icl::probe
