#pragma once

#include <string_view>

#include "icl/config/fields.hpp"

namespace icl::config {

/// The field that a user who wrote the unknown `name` most likely meant: nearest by edit distance
/// over the full name, or over the last part alone ("learning_rate", "optimizer.learning_rate").
/// Letter case is ignored. nullptr if none is near.
[[nodiscard]] const Field* nearest_field(std::string_view name);

}  // namespace icl::config
