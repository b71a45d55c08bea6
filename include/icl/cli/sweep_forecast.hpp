#pragma once

#include "icl/cli/sweep_request.hpp"
#include "icl/core/error.hpp"

namespace icl::cli {

/// What training the runs of a sweep here would take.
struct SweepForecast {
  sweep::Shard shard;
  Pace pace;
  bool ignore_memory_limit = false;
  bool json = false;  ///< run by run
};

/// Prints the resolved sweep and its cost; writes nothing. Errors as for training it, as far as
/// they can be foreseen.
ExitCode print_forecast(const SweepRequest&, const SweepForecast&);

}  // namespace icl::cli
