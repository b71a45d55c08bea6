#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/core/error.hpp"

namespace icl::cli {

/// All runs of a sweep's folder that have ended, in one file.
struct MergeCommand {
  std::filesystem::path folder;
  std::optional<std::filesystem::path> out;  ///< default: sweep.h5 in the folder
  bool force = false;
  std::vector<std::string> series = {};  ///< of /metrics; empty: all
  bool json = false;                     ///< the report, on standard output
  bool of_sweep_alone = false;           ///< runs of earlier axes and seeds are left out
};

/// Returns the exit status, or throws Error.
ExitCode run(const MergeCommand&);

}  // namespace icl::cli
