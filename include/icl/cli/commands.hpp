#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/run/replay.hpp"

/// The commands that other commands give too, as a command line would. Each returns the exit
/// status, or throws Error.
namespace icl::cli {

struct SweepCommand {
  std::filesystem::path config;
  std::filesystem::path out;         ///< empty: the name of `config` without its ending
  std::optional<std::string> scale;  ///< its name; none: the file's base settings
  std::vector<std::string> axes;     ///< --axis KEY=VALUES
  std::optional<std::string> seeds;  ///< in place of the file's
  std::vector<std::string> overrides;
  std::optional<std::filesystem::path> items_folder;  ///< default: that of `config`
  std::string shard = "0/1";
  std::optional<std::string> kernels;  ///< own or avx2, in place of the file's
  run::KernelChange kernel_change = run::KernelChange::offer;
  int jobs = 0;     ///< 0: see choose_threads(), by threads
  int threads = 1;  ///< of each run
  bool dry_run = false;
  bool json = false;
  bool yes = false;  ///< even if the grid is huge
  bool quiet = false;
  bool ignore_memory_limit = false;
  bool slurm = false;   ///< write a batch script in place of training
  bool submit = false;  ///< and hand it to sbatch
  int tasks = 0;        ///< of the job array; 0: as many as are needed
  std::vector<std::string> sbatch_options;
  std::optional<std::filesystem::path> prologue;  ///< lines for the batch script
};
ExitCode run(const SweepCommand&);

struct MergeCommand {
  std::filesystem::path folder;
  std::optional<std::filesystem::path> out;  ///< default: sweep.h5 in the folder
  bool force = false;
  std::vector<std::string> series = {};  ///< of /metrics; empty: all
  bool json = false;                     ///< the report, on standard output
};
ExitCode run(const MergeCommand&);

}  // namespace icl::cli
