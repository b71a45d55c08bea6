#include "icl/config/loss.hpp"

#include "icl/config/config.hpp"

namespace icl::config {

Asked asked_of(const Config& config) { return row_of(task_of(config)).asked(config); }

}  // namespace icl::config
