#include "icl/sweep/slurm.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "icl/core/error.hpp"

namespace icl::sweep {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// For bash: in single quotes.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (is_control(c)) {
      throw Error(ExitCode::usage, fmt::format("'{}' holds a line break or another control "
                                               "character, which a batch script cannot",
                                               text));
    }
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

/// In the name of an output file Slurm takes % for a pattern.
std::string without_patterns(const std::string& path) {
  std::string result;
  for (const char c : path) result += c == '%' ? std::string("%%") : std::string(1, c);
  return result;
}

}  // namespace

std::string batch_script(const SlurmOptions& options) {
  std::string extra;
  for (const std::string& option : options.sbatch_options) {
    if (option.starts_with("--array") || option.starts_with("-a")) {
      throw Error(ExitCode::usage, fmt::format("--sbatch '{}': --tasks sets the array", option));
    }
    if (!option.starts_with('-') || std::ranges::any_of(option, is_control)) {
      throw Error(
          ExitCode::usage,
          fmt::format("--sbatch '{}': expected an option of sbatch, as --time=02:00:00", option));
    }
    extra += fmt::format("#SBATCH {}\n", option);
  }
  const std::string folder = options.folder.string();
  // --signal without B: goes to the job step, that is to icl and not to this script.
  return fmt::format(R"(#!/bin/bash
# Written by icl sweep --slurm. May be submitted again at any time: what is done stays done.
#SBATCH --job-name=icl
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={output}
{extra}
srun --ntasks=1 --cpus-per-task={cpus} {program} sweep {sweep} --out {folder} \
  --shard "$SLURM_ARRAY_TASK_ID/{tasks}" --jobs {jobs} --threads {threads}
status=$?
# 75: stopped by a signal. Unless the job was cancelled, it is to go on later.
# (SLURM_JOB_ID is no name for it: the last task of an array has the number of the whole array.)
task="${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
if ((status == 75 && ${{SLURM_RESTART_COUNT:-0}} < 1000)) &&
  [[ $(squeue --noheader --jobs="$task" --format=%T) == RUNNING ]]; then
  scontrol requeue "$task"
fi
exit $status
)",
                     fmt::arg("last", options.tasks - 1), fmt::arg("tasks", options.tasks),
                     fmt::arg("cpus", options.cpus), fmt::arg("extra", extra),
                     fmt::arg("output", quoted(without_patterns(folder) + "/slurm/%A_%a.out")),
                     fmt::arg("program", quoted(options.program.string())),
                     fmt::arg("sweep", quoted(options.sweep.string())),
                     fmt::arg("folder", quoted(folder)),
                     fmt::arg("jobs", std::max(1, options.cpus / options.threads)),
                     fmt::arg("threads", options.threads));
}

}  // namespace icl::sweep
