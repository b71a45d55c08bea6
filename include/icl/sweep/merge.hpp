#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "icl/store/hdf5.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"

namespace icl::sweep {

/// What a merged file holds, and what it does not.
struct MergeReport {
  std::size_t merged = 0;
  std::vector<std::string> missing;     ///< where in the grid: runs without a file
  std::vector<std::string> unfinished;  ///< where in the grid: runs that have begun and not ended
  std::vector<std::pair<std::string, std::string>> damaged;  ///< file, and what is wrong with it
  /// File, and why it could not be read, which says nothing about what it holds.
  std::vector<std::pair<std::string, std::string>> unread;
  /// BLAS kernel sets, each with the number of runs that used it.
  std::vector<std::pair<std::string, std::size_t>> kernel_sets;
  /// What an older program did otherwise (run::changes_since), each with the number of its runs.
  std::vector<std::pair<std::string, std::size_t>> older;
  std::vector<std::string> mixed;  ///< hashes of runs that were resumed under other kernels
};

/// Those of a folder that are merged: all, or those of the plan alone.
enum class WhichRuns { all, of_plan };

struct Merged {
  std::vector<std::byte> file;
  std::vector<store::Column> runs;  ///< the table /runs
  MergeReport report;
};

/// The runs of a folder that have ended, in one file: those of the plan, and those of earlier axes
/// that still lie there, ordered by the values of the axes and the seed. What is missing, has not
/// ended, is damaged or cannot be read is left out and reported. Error(resources) if the machine
/// lacks what reading them takes.
///
/// /runs is a table, one row a run: hash, each axis, seed, status, stop_reason, last_step (updates
/// made), horizon (updates planned), numerics_version, acquired (1 if ICL was), steps as float64
/// that are NaN if they were not reached: t_icl_step, t_icl_previous (the evaluation before it: ICL
/// was acquired between the two), t_lost_step (the first evaluation after it with ICL accuracy
/// below 0.9), t_icl_step_refined; what the theory says, each metric's last value, file. /metrics
/// holds each metric as an array [run, step], NaN after a run's end, with the axes' values as
/// coordinates of `run`. /config holds the resolved sweep as `toml` and the values that all runs
/// share as attributes. /provenance/runs says of each run its kernel set, CPU and host. Equal runs
/// give equal bytes outside of /provenance.
///
/// With `series` /metrics holds those alone; /runs keeps the last value of each. Error(usage) for a
/// name that no run has.
[[nodiscard]] Merged merge(const Folder& folder, const Plan& plan,
                           std::span<const std::string> series = {},
                           WhichRuns which = WhichRuns::all);

}  // namespace icl::sweep
