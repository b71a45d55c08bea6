#pragma once

#include <cstdint>

#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/task/task.hpp"

namespace icl::train {

/// The effective beta that a run begins with (init.beta0).
///
/// The mean is over `sequences` sequences of the task that only the seed of the initial parameters
/// decides (Task::initial_batch), so that what is probed, and with which seed, does not decide the
/// weights. A closed form would not do: the log-mean-exp over the N - 2 other tokens falls short of
/// its limit for large N by an amount that no formula gives, because the scores of weights as they
/// are drawn spread by sqrt(X)/3, 2.7 nats at D = 63. The probe's own mean over n sequences with
/// standard deviation s then lies within 4 s sqrt(1/n + 1/sequences) + tolerance of the wish.
struct InitialBeta {
  static constexpr std::int64_t sequences = 4096;
  static constexpr std::int64_t chunk = 256;  ///< sequences in one forward pass
  static constexpr double tolerance = 1e-3;   ///< nats
};

/// The mean effective beta of the model over those sequences. NaN if no sequence has one: of N = 2.
[[nodiscard]] double initial_beta(const task::Task&, const model::Model&, const Workers&);

/// Draws the initial parameters and then favours copies (Model::favour_copies) by the amount that
/// makes initial_beta() equal `beta0` within InitialBeta::tolerance: by the method of false
/// position (Illinois). All that is drawn stays as it is but W_q. Throws Error(ExitCode::usage)
/// where no amount does.
void initialise_with_beta(double beta0, std::int64_t seed, const task::Task&, model::Model&,
                          const Workers&);

}  // namespace icl::train
