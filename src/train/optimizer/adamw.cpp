#include "adam.hpp"

namespace icl::train {

const OptimizerRule optimizer_rules::adamw = adam_rule<Decay::decoupled>;

}  // namespace icl::train
