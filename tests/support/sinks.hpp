#pragma once

#include "icl/nn/parameter.hpp"

namespace icl::test {

/// The SGD step w <- w - rate (g + decay w) on the parameter itself.
inline void set_step(nn::Parameter& p, double rate, double decay) {
  p.sink = {.target = p.value.data(),
            .rate = static_cast<Real>(-rate),
            .decay = static_cast<Real>(rate * decay),
            .accumulate = true};
}

/// The plain gradient, into `gradient`, which takes the parameter's shape.
inline void set_gradient(nn::Parameter& p, Tensor& gradient) {
  gradient = Tensor(p.value.shape());
  p.sink = {.target = gradient.data(), .rate = 1, .decay = 0, .accumulate = false};
}

}  // namespace icl::test
