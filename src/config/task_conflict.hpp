#pragma once

#include <optional>

#include "icl/config/conflict.hpp"

namespace icl::config {

/// Keys that do not go with data.task, and names in record.observers that there are not.
[[nodiscard]] std::optional<Conflict> in_task(const Config&);

}  // namespace icl::config
