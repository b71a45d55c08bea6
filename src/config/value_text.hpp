#pragma once

#include <toml++/toml.h>

#include <string_view>

#include "icl/config/fields.hpp"

/// Values as a command line writes them.
namespace icl::config {

/// The value of a key (nullptr: of none) under the one key "value". That of a key that holds text
/// stands for itself, unless it begins as a string or an array does; so do `not set` and a bare
/// word that is not TOML. Error(usage), beginning with `where`, for what is no value.
[[nodiscard]] toml::table parse_value(std::string_view text, std::string_view where,
                                      const Field* field);

/// The values "1, 2, 3" of a key (nullptr: of none) as a list, or one TOML list or table as it
/// stands, under the one key "value". Error(usage), beginning with `where`, for what is neither.
[[nodiscard]] toml::table parse_list(std::string_view text, std::string_view where,
                                     const Field* field);

}  // namespace icl::config
