#include "icl/train/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace icl::train {

std::vector<std::int64_t> snapshot_steps(std::int64_t count, std::int64_t last) {
  std::vector<std::int64_t> steps;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i == 0) {
      steps.push_back(0);
    } else if (i + 1 == count) {
      steps.push_back(last);
    } else {
      const double share = static_cast<double>(i - 1) / static_cast<double>(count - 2);
      steps.push_back(std::llround(std::pow(static_cast<double>(last), share)));
    }
  }
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace icl::train
