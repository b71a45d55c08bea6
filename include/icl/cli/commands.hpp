#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/io/export.hpp"
#include "icl/io/replay.hpp"

/// The commands of the program, as the command line gives them. Each returns the exit status, or
/// throws Error.
namespace icl::cli {

/// What every command that trains into a file understands.
struct OutputOptions {
  int threads = 0;      ///< 0: as many as CPUs in the affinity
  bool force = false;   ///< replace an existing file
  bool resume = false;  ///< go on with an existing file, or start
  bool quiet = false;
  io::KernelChange kernel_change = io::KernelChange::refuse;
  std::string command_line;  ///< for the record
};

struct TrainCommand {
  std::filesystem::path config;
  std::vector<std::string> overrides;        ///< --set key=value
  std::optional<std::filesystem::path> out;  ///< default: CONFIG's name with .h5, in this folder
  bool dry_run = false;
  OutputOptions output;
};
ExitCode run(const TrainCommand&);

struct BranchCommand {
  std::filesystem::path run;
  std::int64_t at = 0;
  std::vector<std::string> overrides;
  std::filesystem::path out;
  OutputOptions output;
};
ExitCode run(const BranchCommand&);

struct VerifyCommand {
  std::filesystem::path run;
  int threads = 0;
  bool quiet = false;
};
ExitCode run(const VerifyCommand&);

struct InfoCommand {
  std::filesystem::path run;
  bool json = false;
};
ExitCode run(const InfoCommand&);

struct ExportCommand {
  std::filesystem::path run;
  std::filesystem::path out;
  bool force = false;
  io::ExportRequest request;
};
ExitCode run(const ExportCommand&);

struct BenchCommand {
  std::optional<std::filesystem::path> config;  ///< default: the paper's run
  std::vector<std::string> overrides;
  int threads = 1;
  double seconds = 5;
  bool json = false;
};
ExitCode run(const BenchCommand&);

/// The number of threads to use: `requested`, or for 0 one for each CPU in the affinity. Throws
/// Error(ExitCode::usage) outside 1 to Workers::max_threads.
[[nodiscard]] int resolve_threads(int requested);

/// Throws Error(ExitCode::usage) if the output is the very file that is read.
void check_distinct(const std::filesystem::path& in, const std::filesystem::path& out);

/// Throws Error(ExitCode::cannot_create) if the output exists and may not be replaced, or if its
/// folder is missing or not writable.
void check_output(const std::filesystem::path& out, bool force);

}  // namespace icl::cli
