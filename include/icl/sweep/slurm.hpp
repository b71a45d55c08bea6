#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace icl::sweep {

/// Slurm's default MaxArraySize is 1001.
inline constexpr int most_array_tasks = 1001;

struct SlurmOptions {
  std::filesystem::path program;  ///< this program, absolute
  std::filesystem::path folder;   ///< of the sweep, absolute
  std::filesystem::path sweep;    ///< what all tasks read: a copy that nothing changes, absolute
  int tasks = 1;                  ///< of the job array; each takes a shard
  int cpus = 1;                   ///< of each task
  int threads = 1;                ///< of each run; cpus / threads runs at once
  std::span<const std::string> sbatch_options;  ///< "--time=02:00:00" and the like
};

/// A batch script for `sbatch`: a job array whose tasks each train one shard of the sweep. A task
/// that is preempted, or that comes within two minutes of its time limit, publishes what it has and
/// is queued again; it then goes on where its runs stand. Error(usage) for a path with a line break
/// or an option that does not begin with '-'.
[[nodiscard]] std::string batch_script(const SlurmOptions&);

}  // namespace icl::sweep
