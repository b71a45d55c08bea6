#pragma once

#include "icl/cli/sweep_request.hpp"
#include "icl/core/error.hpp"
#include "icl/run/replay.hpp"

namespace icl::cli {

/// The runs of a sweep trained here.
struct SweepTraining {
  sweep::Shard shard;
  Pace pace;
  run::KernelChange kernel_change = run::KernelChange::offer;
  bool ignore_memory_limit = false;
};

/// Trains the runs that have not ended. Returns the exit status, or throws Error: check_failed if a
/// run failed, io or resources if no other was started for lack of them.
ExitCode train_sweep(const SweepRequest&, const SweepTraining&);

}  // namespace icl::cli
