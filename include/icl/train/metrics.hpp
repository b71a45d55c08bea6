#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/probe/reading.hpp"

namespace icl::train {

using probe::Score;

/// Euclidean norms of one parameter, of the gradient of the next training batch, and of the update
/// that this gradient makes.
struct Norms {
  double value = 0;
  double gradient = 0;
  double update = 0;
};

/// What is measured after `step` updates.
struct Evaluation {
  std::int64_t step = 0;
  Score train;  ///< over the batches since the evaluation before; at step 0 over the first batch
  Score icl;    ///< on novel items; NaN for a model that reads no context
  Score iwl;    ///< on training items without a copy in the context; NaN at K = infinity
  Score equal;  ///< on novel items under the label rule of the training sequences
  double I_K =
      std::numeric_limits<double>::quiet_NaN();  ///< integral of c1 over learning rate x step
  probe::Reading probes;
  std::vector<Norms> norms;  ///< for each parameter, if asked for
};

/// A column of /metrics.
struct Metric {
  std::string name;
  std::string long_name;  ///< short enough for an axis: "ICL accuracy"
  std::string units;
  std::string description;  ///< a sentence
  std::string formula;      ///< of a probe; empty for losses and accuracies
  std::string source;       ///< of the formula
  double (*value)(const Evaluation&, std::size_t index);
  std::size_t index = 0;         ///< which parameter, of a norm
  bool is_of_parameter = false;  ///< a column for one parameter: not in merged files
};

/// The columns that a run of this configuration has, in their order: losses and accuracies, then
/// its probes, then the norms of its parameters. A new one is a row of the table in metrics.cpp, or
/// in probe/columns.cpp: the run file, its units and names, and `icl info` follow from it.
[[nodiscard]] std::vector<Metric> metrics(const config::Config&,
                                          std::span<const nn::Parameter* const> parameters);

}  // namespace icl::train
