#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/written.hpp"

namespace icl::config {

/// The value of a key that lists names between blanks or commas (probe.record); nothing for no
/// text.
[[nodiscard]] std::optional<std::vector<std::string>> read_names(std::string_view text);
using Names = Written<std::vector<std::string>, read_names>;

}  // namespace icl::config
