#pragma once

#include <toml++/toml.h>

#include <optional>
#include <string_view>

#include "icl/config/fields.hpp"

/// What a node of TOML is, and the value that it gives a key.
namespace icl::config {

/// "an array", for messages.
[[nodiscard]] std::string_view kind_of(const toml::node&);

/// Empty for the kinds of node that no key can hold.
[[nodiscard]] std::optional<Value> value_of(const toml::node&);

/// The value that a key is given: value_of(), or of a key that holds a list the parts of an array
/// (strings, integers, and tables with a name, as "NAME key=value ..."), joined by commas. Empty if
/// the key can hold no such node.
[[nodiscard]] std::optional<Value> value_for(const Field&, const toml::node&);

}  // namespace icl::config
