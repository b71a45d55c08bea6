#pragma once

#include <string>
#include <string_view>

#include "icl/config/config.hpp"

namespace icl::config {

/// The keys of the section that `word` names, or else those whose name or doc holds it (all keys,
/// for an empty word), by section, for `icl keys`: of each a line with key, default and range, then
/// its doc, indented; no line is longer than 100 columns. Empty if there is none.
[[nodiscard]] std::string key_help(std::string_view word = {});

/// A file to begin with, for `icl init`: the configuration as TOML in lines of at most 100 columns,
/// each key that has a meaning in its system under its doc and range; those that are not set are
/// comments. Reads back as `config`.
[[nodiscard]] std::string commented_toml(const Config& config);

}  // namespace icl::config
