#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/io/items_file.hpp"
#include "icl/io/run_record.hpp"

namespace icl::io {

/// What to export of a run: everything is drawn again from its configuration.
struct ExportRequest {
  bool items = false;                     ///< the training and novel items with their labels
  std::vector<std::int64_t> batches;      ///< training batches, by the updates made before them
  std::vector<std::int64_t> evaluations;  ///< evaluations, by their step
  std::vector<std::int64_t> probes = {};  ///< what the probes looked at, by the evaluation's step
};

/// The data of a run, exactly as the run saw them, as the bytes of an HDF5 file: /items,
/// /novel_items, /batches, /icl_evaluation, /icl_equal_evaluation (where data.labels is not
/// independent), /iwl_evaluation, /probe; x [.., D], labels +1 and -1, 0 for the target's own, and
/// which context tokens are copies of the target. Throws Error(ExitCode::usage) for items at K =
/// infinity, for batches and evaluations that the run has not seen, and for probes of a run
/// without.
[[nodiscard]] std::vector<std::byte> export_data(const RunRecord&, const ExportRequest&,
                                                 const Workers&, const ItemPlaces& = {});

}  // namespace icl::io
