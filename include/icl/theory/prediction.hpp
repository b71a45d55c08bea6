#pragma once

#include <optional>
#include <span>

#include "icl/theory/flow.hpp"

namespace icl::theory {

/// What a run has measured at its evaluations; all of one length, steps rising.
struct Measured {
  std::span<const double> steps;  ///< completed updates
  std::span<const double> c1;
  std::span<const double> c2;
};

/// When the minimal theory expects ICL, for a run that began at `start`.
struct Prediction {
  double tau_star = 0;       ///< tau*(beta0, w0) at c2 = 1/2
  double initial_steps = 0;  ///< t_ICL if nothing were memorised: 2 n tau* / learning rate
  /// t_ICL by the flow with the run's own c1(t), c2(t), linear between evaluations; nothing if the
  /// flow has not blown up by the last of them.
  std::optional<double> measured_steps;
};

/// n = N - 1. Nothing if the start is not finite or lies outside of the flow's domain, or if a
/// measured number is not finite.
[[nodiscard]] std::optional<Prediction> predict(FlowState start, double n, double learning_rate,
                                                const Measured&);

}  // namespace icl::theory
