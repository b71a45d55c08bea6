#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"

namespace icl::sweep {

/// What a merged file holds, and what it does not.
struct MergeReport {
  std::size_t merged = 0;
  std::vector<std::string> missing;     ///< where in the grid: runs without a file
  std::vector<std::string> unfinished;  ///< where in the grid: runs that have begun and not ended
  std::vector<std::pair<std::string, std::string>> damaged;  ///< file, and what is wrong with it
  /// BLAS kernel sets, each with the number of runs that used it.
  std::vector<std::pair<std::string, std::size_t>> kernel_sets;
  std::vector<std::string> mixed;  ///< hashes of runs that were resumed under other kernels
};

struct Merged {
  std::vector<std::byte> file;
  MergeReport report;
};

/// The runs of a folder that have ended, in one file: those of the plan, and those of earlier axes
/// that still lie there, ordered by the values of the axes and the seed. What is missing, has not
/// ended or is damaged is left out and reported.
///
/// /runs is a table, one row a run: hash, each axis, seed, status, stop_reason, steps,
/// numerics_version, t_icl_step, censored, each metric's last value, file. Where ICL was not
/// acquired, `censored` is 1 and t_icl_step is the last step at which one could have seen it.
/// /metrics holds each metric as an array [run, step], NaN after a run's end, with the axes' values
/// as coordinates of `run`. /config/toml is the resolved sweep. /provenance/runs says of each run
/// its kernel set, CPU and host. Equal runs give equal bytes outside of /provenance.
[[nodiscard]] Merged merge(const Folder& folder, const Plan& plan);

}  // namespace icl::sweep
