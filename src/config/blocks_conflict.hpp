#pragma once

#include <optional>

#include "icl/config/conflict.hpp"

namespace icl::config {

/// Keys of [blocks] that do not go together, or not with those of other sections.
[[nodiscard]] std::optional<Conflict> in_blocks(const Config&);

}  // namespace icl::config
