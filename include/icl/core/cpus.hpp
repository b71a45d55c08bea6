#pragma once

#include <optional>
#include <string>

/// How many threads to use where the user does not say.
namespace icl {

/// What limits the threads of this process.
struct CpuLimits {
  int affinity = 1;                  ///< CPUs that it may run on (taskset, Slurm, cpusets)
  std::optional<double> quota = {};  ///< CPUs whose time its control groups leave it
  std::optional<std::string> omp_num_threads = {};   ///< the environment variable OMP_NUM_THREADS
  std::optional<std::string> omp_thread_limit = {};  ///< OMP_THREAD_LIMIT
  std::optional<std::string> slurm_cpus_per_task = {};  ///< SLURM_CPUS_PER_TASK
};
[[nodiscard]] CpuLimits cpu_limits();

/// A number of threads, and what set it: "the CPUs in the affinity", "OMP_NUM_THREADS".
struct ThreadChoice {
  int threads = 1;
  std::string reason;
};

/// The least of all limits, at least 1 and at most Workers::max_threads. Of OMP_NUM_THREADS the
/// first number counts ("4,2"); a quota is rounded down; a variable that is no positive number
/// limits nothing.
[[nodiscard]] ThreadChoice choose_threads(const CpuLimits& limits = cpu_limits());

}  // namespace icl
