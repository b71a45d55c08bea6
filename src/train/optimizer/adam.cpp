#include "adam.hpp"

namespace icl::train {

const OptimizerRule optimizer_rules::adam = adam_rule<Decay::in_gradient>;

}  // namespace icl::train
