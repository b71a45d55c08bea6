#pragma once

#include <string>

namespace icl::config {

/// Every key for `icl --help`: a line with key, default and range, then its doc, indented; no line
/// is longer than 100 columns.
[[nodiscard]] std::string key_help();

/// The README's table of keys: key | default | range | what it is.
[[nodiscard]] std::string key_table_markdown();

}  // namespace icl::config
