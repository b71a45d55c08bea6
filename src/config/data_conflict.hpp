#pragma once

#include <optional>

#include "icl/config/conflict.hpp"

namespace icl::config {

/// Of data.copies and data.novel with other keys.
[[nodiscard]] std::optional<Conflict> in_copies(const Config&);

/// Of eval.set, in itself and with other keys.
[[nodiscard]] std::optional<Conflict> in_eval_sets(const Config&);

}  // namespace icl::config
