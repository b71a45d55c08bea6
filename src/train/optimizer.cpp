#include "icl/train/optimizer.hpp"

namespace icl::train {

void Sgd::prepare(std::span<nn::Parameter* const> parameters) const {
  for (nn::Parameter* p : parameters) {
    const double lambda = p->group == nn::Group::attention ? config_.weight_decay_attention
                                                           : config_.weight_decay_mlp;
    p->sink = {p->value.data(), static_cast<Real>(-config_.learning_rate),
               static_cast<Real>(config_.learning_rate * lambda), true};
  }
}

}  // namespace icl::train
