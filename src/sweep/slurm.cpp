#include "icl/sweep/slurm.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "icl/core/error.hpp"

namespace icl::sweep {
namespace {

/// For bash: in single quotes.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      throw Error(ExitCode::usage, fmt::format("'{}' holds a line break", text));
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
    if (!option.starts_with('-') || option.find('\n') != std::string::npos) {
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
srun --ntasks=1 --cpus-per-task={cpus} {program} sweep {manifest} --out {folder} \
  --shard "$SLURM_ARRAY_TASK_ID/{tasks}" --jobs {jobs} --threads {threads}
status=$?
# 75: stopped by a signal. Unless the job was cancelled, it is to go on later.
if ((status == 75)) && [[ $(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T) == RUNNING ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit $status
)",
                     fmt::arg("last", options.tasks - 1), fmt::arg("tasks", options.tasks),
                     fmt::arg("cpus", options.cpus), fmt::arg("extra", extra),
                     fmt::arg("output", quoted(without_patterns(folder) + "/slurm/%A_%a.out")),
                     fmt::arg("program", quoted(options.program.string())),
                     fmt::arg("manifest", quoted(folder + "/sweep.toml")),
                     fmt::arg("folder", quoted(folder)),
                     fmt::arg("jobs", std::max(1, options.cpus / options.threads)),
                     fmt::arg("threads", options.threads));
}

}  // namespace icl::sweep
