#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/run/run_record.hpp"

namespace icl::run {

/// What to export of a run, as the command line says it: texts for config::parse_steps(), and "all"
/// for every evaluation.
struct ExportWords {
  bool items = false;                    ///< the training and novel items with their labels
  std::vector<std::string> batches;      ///< training batches, by the updates made before them
  std::vector<std::string> evaluations;  ///< evaluations, by their step
  std::vector<std::string> probes;       ///< what the probes looked at, by the evaluation's step
  std::vector<std::string> weights;      ///< parameters, by the updates made before
};

/// The same by steps, which rise.
struct ExportRequest {
  bool items = false;
  std::vector<std::int64_t> batches = {};
  std::vector<std::int64_t> evaluations = {};
  std::vector<std::int64_t> probes = {};
  std::vector<std::int64_t> weights = {};
};

/// Throws Error(ExitCode::usage) for words that are no steps, for nothing at all, for items at K =
/// infinity, for what the run has not trained, evaluated or seen, and for probes of a run without.
[[nodiscard]] ExportRequest request_of(const RunRecord&, const ExportWords&);

}  // namespace icl::run
