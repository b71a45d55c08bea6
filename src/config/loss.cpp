#include "icl/config/loss.hpp"

#include "icl/config/config.hpp"

namespace icl::config {

Asked asked_of(const Config& config) {
  if (task_of(config) == TaskKind::regression) return {LossKind::squared, 1};
  if (config.data.label_count) return {LossKind::cross_entropy, *config.data.label_count};
  return {};
}

}  // namespace icl::config
