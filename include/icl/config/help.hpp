#pragma once

#include <string>
#include <string_view>

namespace icl::config {

/// The keys whose name or doc holds a word (all keys, for an empty one), for `icl keys`: a line
/// with key, default and range, then its doc, indented; no line is longer than 100 columns. Empty
/// if there is none.
[[nodiscard]] std::string key_help(std::string_view word = {});

}  // namespace icl::config
