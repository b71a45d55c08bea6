#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/train/evaluation.hpp"

namespace icl::nn {
struct Parameter;
}  // namespace icl::nn

namespace icl::train {

/// A column of /metrics.
struct Metric {
  std::string name;
  std::string long_name;  ///< short enough for an axis: "ICL accuracy"
  std::string units;
  std::string description;  ///< a sentence
  std::string formula;      ///< of a probe; empty for losses and accuracies
  std::string source;       ///< of the formula
  double (*value)(const Evaluation&, std::size_t index);
  std::size_t index = 0;         ///< of the evaluation set, or of the place in the probes' reading
  bool is_of_parameter = false;  ///< a column for one parameter: not in merged files
};

/// The columns that a run of this configuration has, in their order: losses and accuracies of
/// training and of task::sets_of(), then those of its probes. The run file, its units and
/// names, and `icl info` follow from them.
[[nodiscard]] std::vector<Metric> metrics(const config::Config&,
                                          std::span<const nn::Parameter* const> parameters);

}  // namespace icl::train
