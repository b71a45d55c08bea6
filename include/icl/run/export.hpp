#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/run/export_request.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"
#include "icl/train/observer.hpp"

namespace icl::run {

/// The data of a run, exactly as the run saw them, as the bytes of an HDF5 file: /items,
/// /novel_items, /batches, /icl_evaluation, /icl_equal_evaluation (where data.labels is not
/// independent), /iwl_evaluation, /probe; x [.., D], labels +1 and -1, 0 for the target's own, and
/// which context tokens are copies of the target. /weights holds parameters as /snapshots of a run
/// does; errors and `observers` are those of weights_at(). The request must be of this run.
[[nodiscard]] std::vector<std::byte> export_data(const RunRecord&, const ExportRequest&,
                                                 const Workers&, const ItemPlaces& = {},
                                                 std::span<train::Observer* const> observers = {});

}  // namespace icl::run
