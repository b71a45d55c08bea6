#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "icl/probe/reading.hpp"
#include "icl/probe/score.hpp"

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

}  // namespace icl::train
