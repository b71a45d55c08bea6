#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "icl/core/real.hpp"
#include "icl/probe/score.hpp"
#include "icl/train/progress.hpp"

namespace icl::nn {
struct Parameter;
}  // namespace icl::nn

namespace icl::train {

using probe::Score;

/// Mean loss and accuracy over the training sequences since the last evaluation.
[[nodiscard]] Score training_score(const Progress&);

using Values = std::vector<std::vector<Real>>;  ///< of each parameter, in the model's order

/// The values of each parameter.
[[nodiscard]] Values copy_values(std::span<const nn::Parameter* const> parameters);

/// What an optimiser remembers, in tensors of its own; empty for plain SGD.
struct Moments {
  struct Tensor {
    std::string_view name;  ///< one of moment_names(), and of its group in a run file
    Values values;          ///< for each parameter
    bool operator==(const Tensor&) const = default;
  };
  std::int64_t updates = 0;
  std::vector<Tensor> tensors;
  bool operator==(const Moments&) const = default;
};

/// Weights that a run had at an earlier step.
struct Earlier {
  std::int64_t step = 0;
  Values parameters;
  Moments moments;
  bool operator==(const Earlier&) const = default;
};

/// All that a run needs to go on from a step with the same bits: everything else is a function of
/// the configuration.
struct State {
  Progress progress;
  Values parameters;
  Moments moments;
  /// At the last evaluation, or where the run began, while eval.refine may want it.
  std::optional<Earlier> before;
  bool operator==(const State&) const = default;
};

/// Whether what is due at the step of a state (evaluation, snapshot) has been recorded already.
enum class Due : std::uint8_t { recorded, open };

}  // namespace icl::train
