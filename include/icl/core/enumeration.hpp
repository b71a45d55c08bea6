#pragma once

#include <cstddef>
#include <string_view>

namespace icl {

/// Whether an enumeration has a name for this value. GCC and Clang both print a value without one
/// as "(icl::Phase)8", and one with as "icl::Phase::update".
template <auto Value>
[[nodiscard]] consteval bool is_enumerator() {
  std::string_view text = __PRETTY_FUNCTION__;  // "... [with auto Value = icl::Phase::update]"
  text.remove_suffix(1);
  const std::string_view end = text.substr(text.find_last_not_of("-0123456789"));
  return !end.starts_with(')');
}

/// How many enumerators an enumeration of 0, 1, 2, ... has: what the length of a table with a row
/// for each is held to, so that a forgotten row does not compile.
template <class Enum, std::size_t first = 0>
[[nodiscard]] consteval std::size_t enumerator_count() {
  if constexpr (is_enumerator<static_cast<Enum>(first)>()) {
    return enumerator_count<Enum, first + 1>();
  } else {
    return first;
  }
}

}  // namespace icl
