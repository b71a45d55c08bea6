#include "icl/task/evaluation_set.hpp"

#include "icl/config/system.hpp"

namespace icl::task {

Traits traits_of(const config::Config& config) {
  return {.context = config::row_of(config.model.system).has.context,
          .training_items = !config.data.K.is_infinite(),
          .label_rule = config.data.labels != config::LabelRule::independent};
}

}  // namespace icl::task
