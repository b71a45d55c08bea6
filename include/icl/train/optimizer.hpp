#pragma once

#include <span>

#include "icl/config/config.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::train {

/// Plain SGD with L2 weight decay by group: w <- w - lr (g + lambda w). It has no state and makes
/// no pass of its own: the update rides on the backward pass, through each parameter's sink.
class Sgd {
 public:
  explicit Sgd(const config::Train& config) : config_(config) {}

  /// Sets the sinks so that the next backward pass makes one step.
  void prepare(std::span<nn::Parameter* const> parameters) const;

 private:
  config::Train config_;
};

}  // namespace icl::train
