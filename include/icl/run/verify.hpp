#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"

namespace icl::run {

/// What training again said of a run file.
struct Verdict {
  /// The first step, dataset and element that differ; nothing if all is identical.
  std::optional<std::string> difference;
  bool interrupted = false;  ///< `stop` was set before the end
};

/// Trains a recorded run again, from its beginning to the step it has got to, and compares every
/// value, shape, type and attribute outside of /provenance, bit by bit. Ends at the first
/// difference.
[[nodiscard]] Verdict verify(const RunRecord& recorded, const Workers&,
                             std::span<train::Observer* const> observers,
                             const std::atomic<bool>& stop, const ItemPlaces& = {});

/// How a run file differs from what this program writes of its record, outside of /provenance: the
/// first group, dataset, attribute or scale that is missing, not expected or another. Nothing if it
/// does not. Errors as for read_run().
[[nodiscard]] std::optional<std::string> difference_in_file(const std::filesystem::path&,
                                                            const RunRecord& recorded);

}  // namespace icl::run
