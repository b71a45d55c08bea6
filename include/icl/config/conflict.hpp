#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/fields.hpp"

namespace icl::config {

/// Values that are each in range but not together.
struct Conflict {
  std::string message;
  std::vector<std::string_view> keys;  ///< names of the fields that disagree
};

/// The first conflict between fields of a configuration whose every field is in range: sizes that
/// do not fit each other, and keys that have no meaning beside another key's value.
[[nodiscard]] std::optional<Conflict> find_conflict(const Config& config);

/// Whether a key means anything in a system, so that it may differ from its default there.
[[nodiscard]] bool has_meaning(const Field& field, System system);

}  // namespace icl::config
