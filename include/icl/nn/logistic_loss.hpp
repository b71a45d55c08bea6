#pragma once

#include <cstdint>
#include <span>

#include "icl/core/batch.hpp"

namespace icl::nn {

/// Sums over a batch: divide by the number of sequences for means.
struct LossSums {
  double loss = 0;           ///< sum of softplus(-y z), in nats
  std::int64_t correct = 0;  ///< sequences with y z > 0
};

/// The logistic loss softplus(-y z) = ln(1 + e^(-y z)) of logits z [B] and answers y [B] = +-1,
/// computed in double and added up in order. Error(internal) if there are not as many of the one as
/// of the other.
[[nodiscard]] LossSums logistic_loss(std::span<const Real> z, std::span<const Label> y);

/// dz [B], the gradient of the mean loss over the batch: -y sigma(-y z) / B.
void logistic_loss_gradient(std::span<const Real> z, std::span<const Label> y, std::span<Real> dz);

}  // namespace icl::nn
