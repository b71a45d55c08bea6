#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"
#include "icl/train/observer.hpp"

namespace icl::run {

/// What training again said of a run file.
struct Verdict {
  /// The first step, dataset and element that differ; nothing if all is identical.
  std::optional<std::string> difference;
  bool interrupted = false;  ///< `stop` was set before the end
};

/// Trains a recorded run again, from its beginning to the step it has got to, and compares what
/// comes out with the record: every value, shape, type and attribute of their files outside of
/// /provenance, bit by bit. Ends at the first difference. That the file on the disk holds what the
/// record says is for difference_in_file() to find; both together say that the file is what
/// training again would write. `observers` are told of the training; `stop` may be set by a signal
/// or another thread. Errors as for items_of() and Trainer.
[[nodiscard]] Verdict verify(const RunRecord& recorded, const Workers&,
                             std::span<train::Observer* const> observers,
                             const std::atomic<bool>& stop, const ItemPlaces& = {});

/// How a run file, as it lies on the disk, differs from what this program writes of its record,
/// outside of /provenance: the first group, dataset, attribute (units, formulas and words among
/// them), scale, type, shape or value that is missing, not expected or another, with its place,
/// what was expected and what was found. /theory is computed anew, and /model and /config are what
/// the configuration says. What earlier programs lacked or said otherwise is no difference: see
/// leeway_for_earlier_files(). Nothing if there is none. Nothing is trained. Reads the file in a
/// child process; errors as for read_run().
[[nodiscard]] std::optional<std::string> difference_in_file(const std::filesystem::path&,
                                                            const RunRecord& recorded);

}  // namespace icl::run
