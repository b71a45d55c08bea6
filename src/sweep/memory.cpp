#include "icl/sweep/memory.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "icl/run/footprint.hpp"

namespace icl::sweep {

std::vector<double> memory_of(const Plan& plan, std::span<const std::size_t> runs, int threads) {
  std::unordered_map<std::size_t, double> at_point;  // the seed changes nothing of it
  std::vector<double> bytes;
  bytes.reserve(runs.size());
  for (const std::size_t run : runs) {
    const auto [found, is_new] = at_point.try_emplace(plan.point(run));
    if (is_new) {
      found->second = run::bytes_of(run::footprint_of_training(plan.config(run), threads));
    }
    bytes.push_back(found->second);
  }
  return bytes;
}

double memory_at_once(std::vector<double> bytes, int jobs) {
  std::ranges::sort(bytes, std::greater{});
  double sum = 0;
  for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(jobs), bytes.size()); ++i) {
    sum += bytes[i];
  }
  return sum;
}

int jobs_that_fit(std::vector<double> bytes, int most, const std::vector<MemoryBound>& bounds) {
  std::ranges::sort(bytes, std::greater{});
  if (bytes.empty()) return most;
  int fit = most;
  for (const MemoryBound& bound : bounds) {
    if (!bound.is_shared) {  // each process has its own
      if (bytes.front() > bound.left) return 0;
      continue;
    }
    double sum = 0;
    int jobs = 0;
    for (const double run : bytes) {
      if (sum + run > bound.left) {
        fit = std::min(fit, jobs);
        break;
      }
      sum += run;
      if (++jobs >= fit) break;
    }
  }
  return fit;
}

}  // namespace icl::sweep
