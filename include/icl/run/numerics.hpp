#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "icl/config/config.hpp"

namespace icl::run {

/// A change of the bits that equal configurations give. A run's numerics version is the greatest of
/// the changes that touch its configuration, so that others keep theirs: they go on, verify and
/// branch as before. What changes bits is a new row of the table in numerics.cpp, with the next
/// version; rows are never removed or renumbered. A configuration that an old row touches, and a
/// new one too, rises to the new version; its old runs are refused, with what has changed since.
struct NumericsChange {
  std::int64_t version;
  bool (*touches)(const config::Config&);
  std::string_view what;  ///< has changed, as part of a sentence
};
[[nodiscard]] std::span<const NumericsChange> numerics_changes();

/// The version of the bits that this program gives for the configuration.
[[nodiscard]] std::int64_t numerics_version(const config::Config&);

/// What has changed since `version` for the configuration: the rows' words, joined by "; ".
[[nodiscard]] std::string changes_since(std::int64_t version, const config::Config&);

}  // namespace icl::run
