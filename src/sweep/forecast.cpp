#include "icl/sweep/forecast.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

namespace icl::sweep {

double makespan(std::span<const double> run_seconds, std::size_t workers) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  double last = 0;
  for (const double seconds : run_seconds) {
    double start = 0;
    if (free_at.size() == workers) {
      start = free_at.top();
      free_at.pop();
    }
    free_at.push(start + seconds);
    last = std::max(last, start + seconds);
  }
  return last;
}

}  // namespace icl::sweep
