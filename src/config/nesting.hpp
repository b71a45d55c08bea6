#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace icl::config {

/// The line, counted from 1, on which the values of a TOML text first lie more than `most` deep in
/// each other: open brackets and the dots of the keys around them, without those in strings and
/// comments. Nothing if none does. toml++ calls itself once for each; in a text that is not TOML,
/// it gets no deeper before it refuses the text.
[[nodiscard]] std::optional<std::size_t> line_nested_deeper(std::size_t most,
                                                            std::string_view text);

}  // namespace icl::config
