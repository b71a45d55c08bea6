#pragma once

#include <string>

#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"

namespace icl::run {

/// Whether `config` is that of the recorded run with more epochs, and else the same (but for keys
/// that only say when to write).
[[nodiscard]] bool is_longer(const config::Config& config, const config::Config& recorded);

/// Makes the record what a run planned with `config`, which is_longer(), would have recorded up to
/// this step, to the bit; going on from it gives the file of that run. Snapshots that such a run
/// has taken and this one has not are trained again, silently. Throws Error(cannot_create) that
/// names `file` if the runs differ before this step (evaluations spaced by the run's length, an
/// early stop), and as items_of() and Trainer do; require_same_bits() should hold.
void plan_longer(RunRecord& record, const config::Config& config, const std::string& file,
                 const Workers&, const ItemPlaces&);

}  // namespace icl::run
