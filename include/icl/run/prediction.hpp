#pragma once

#include <optional>
#include <string>

#include "icl/config/config.hpp"
#include "icl/theory/prediction.hpp"

namespace icl::run {

/// Why sequences of such data are not those of the theory, with one copy of the target or more and
/// independent labels; empty if they are.
[[nodiscard]] std::string reason_in_data(const config::Config&);

/// What the minimal theory says of a run, and from what.
struct RunPrediction {
  theory::FlowState start;  ///< effective w and beta at the first evaluation
  double n = 0;             ///< context tokens, N - 1
  std::optional<theory::Prediction> theory;
  std::string reason;  ///< why the theory says nothing; empty if it does
};

struct RunRecord;

/// Of a run of a system with attention; nothing for others. The theory says something of runs that
/// were trained by SGD on independent labels with a copy in each sequence, whose attention nobody
/// touched, and which recorded the probes "memorisation" and "effective"; it knows no weight decay.
/// Steps are counted from the beginning of the run, for a branch from that of its parent.
///
/// A pure function of the configuration and the metrics of the record; RunRecord::prediction, what
/// was found before, has no part in it. Solves an ordinary differential equation (milliseconds).
[[nodiscard]] std::optional<RunPrediction> predict(const RunRecord&);

}  // namespace icl::run
