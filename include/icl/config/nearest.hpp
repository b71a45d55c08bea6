#pragma once

#include <span>
#include <string>
#include <string_view>

#include "icl/config/fields.hpp"

namespace icl::config {

/// The field that a user who wrote the unknown `name` most likely meant: nearest by edit distance
/// over the full name, or over the last part alone ("learning_rate", "optimizer.learning_rate").
/// Letter case is ignored. nullptr if none is near.
[[nodiscard]] const Field* nearest_field(std::string_view name);

/// The word that was most likely meant by `name`, by the same distance; empty if none is near.
[[nodiscard]] std::string_view nearest_word(std::string_view name,
                                            std::span<const std::string> words);

}  // namespace icl::config
