#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace icl::train {

/// Means over some sequences; NaN where there were none.
struct Score {
  double loss = std::numeric_limits<double>::quiet_NaN();      ///< of softplus(-y z), in nats
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< share with y z > 0
};

/// What is measured after `step` updates.
struct Evaluation {
  std::int64_t step = 0;
  Score train;  ///< over the batches since the evaluation before; at step 0 over the first batch
  Score icl;    ///< on novel items
  Score iwl;    ///< on training items without a copy in the context; NaN at K = infinity
};

/// A column of /metrics. A new metric is a new row of the table in metrics.cpp: the run file, its
/// units and names, `icl info` and the progress line follow from it.
struct Metric {
  std::string_view name;
  std::string_view long_name;
  std::string_view units;
  double (*value)(const Evaluation&);
};
[[nodiscard]] std::span<const Metric> metrics();

}  // namespace icl::train
