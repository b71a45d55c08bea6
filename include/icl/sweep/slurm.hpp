#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

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
  std::filesystem::path working_folder = {};  ///< of the tasks; absolute; empty: sbatch's own
  std::filesystem::path items_folder = {};    ///< for --items-folder; empty: none
  std::string prologue = {};                  ///< lines before the first command, as `module load`
  double task_seconds = 0;  ///< expected; --time follows from it, unless it is 0 or asked for
  double task_bytes = 0;    ///< expected; --mem likewise
  std::span<const std::string> sbatch_options;  ///< "--time=02:00:00" and the like
};

/// An option of sbatch by its long name ("time", in any unambiguous abbreviation) or its letter
/// ('t', also behind letters that take no value) in what is to stand behind "#SBATCH"; quotes and
/// several options in one text are read as sbatch reads them.
[[nodiscard]] bool sets_option(const std::string& text, std::string_view name, char letter);

/// The time limit that is asked for if the work is expected to take so long: twice that and ten
/// minutes for slower nodes, at most a day, after which the task is queued again; "HH:MM:00".
[[nodiscard]] std::string time_limit(double seconds);

/// Whether that is less than twice the work and ten minutes.
[[nodiscard]] bool is_cut_to_a_day(double seconds);

/// A batch script for `sbatch`: a job array whose tasks each train one shard of the sweep. A task
/// that is preempted, or that comes within two minutes of its time limit, publishes what it has and
/// is queued again; it then goes on where its runs stand. Error(usage) for a path with a line
/// break, for an option that does not begin with '-', and for one that the script itself sets: the
/// array, the number of processes, the CPUs of each.
[[nodiscard]] std::string batch_script(const SlurmOptions&);

}  // namespace icl::sweep
