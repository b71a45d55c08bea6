#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/cli/sweep_request.hpp"
#include "icl/core/error.hpp"

namespace icl::cli {

/// A job array of Slurm that trains a sweep.
struct JobArray {
  Pace pace;      ///< of a task; without jobs it has 16 CPUs
  int tasks = 0;  ///< 0: as many as are needed
  std::vector<std::string> sbatch_options = {};
  std::optional<std::filesystem::path> prologue = {};  ///< shell lines before the first run
  bool submit = false;                                 ///< hand it to sbatch
};

/// Writes DIR/sweep.sbatch and what it reads, says what it asks for, and submits it if asked to.
/// Throws Error: usage for a number of tasks that Slurm does not take, unavailable, which names the
/// script, if sbatch is not there or refuses it.
ExitCode write_job_array(const SweepRequest&, const JobArray&);

}  // namespace icl::cli
