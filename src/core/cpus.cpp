#include "icl/core/cpus.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "icl/core/cgroup.hpp"
#include "icl/core/parallel.hpp"

namespace icl {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// The positive number that a text begins with, before its end, a comma or white space.
std::optional<int> leading_number(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text.remove_prefix(first);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1) return std::nullopt;
  const bool whole = end == text.data() + text.size() || *end == ',' || *end == ' ' || *end == '\t';
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

CpuLimits cpu_limits() {
  return {available_cpus(), cgroup::cpu_quota(), variable("OMP_NUM_THREADS"),
          variable("OMP_THREAD_LIMIT"), variable("SLURM_CPUS_PER_TASK")};
}

ThreadChoice choose_threads(const CpuLimits& limits) {
  ThreadChoice choice{limits.affinity, "the CPUs in the affinity"};
  const auto limit = [&](int threads, const std::string& reason) {
    if (threads < choice.threads) choice = {threads, reason};
  };
  if (limits.quota && *limits.quota < limits.affinity) {
    limit(std::max(1, static_cast<int>(std::floor(*limits.quota))), "the cgroup's CPU quota");
  }
  const auto limit_by = [&](const char* name, const std::optional<std::string>& value) {
    if (const auto threads = leading_number(value.value_or(""))) limit(*threads, name);
  };
  limit_by("OMP_NUM_THREADS", limits.omp_num_threads);
  limit_by("OMP_THREAD_LIMIT", limits.omp_thread_limit);
  limit_by("SLURM_CPUS_PER_TASK", limits.slurm_cpus_per_task);
  limit(Workers::max_threads, "the most that icl uses");
  return choice;
}

}  // namespace icl
