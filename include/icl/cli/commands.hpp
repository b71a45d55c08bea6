#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/io/export.hpp"

/// The commands of the program, as the command line gives them. Each returns the exit status, or
/// throws Error.
namespace icl::cli {

struct TrainCommand {
  std::filesystem::path config;
  std::vector<std::string> overrides;          ///< --set key=value
  std::optional<std::filesystem::path> out;    ///< default: CONFIG's name with .h5, in this folder
  int threads = 0;                             ///< 0: as many as CPUs in the affinity
  bool force = false;
  bool dry_run = false;
  bool quiet = false;
  std::string command_line;  ///< for the record
};
ExitCode run(const TrainCommand&);

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

/// The number of threads to use: `requested`, or for 0 one for each CPU in the affinity. Throws
/// Error(ExitCode::usage) outside 1 to Workers::max_threads.
[[nodiscard]] int resolve_threads(int requested);

/// Throws Error(ExitCode::cannot_create) if the output exists and may not be replaced, or if its folder
/// is missing or not writable.
void check_output(const std::filesystem::path& out, bool force);

}  // namespace icl::cli
