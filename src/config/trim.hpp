#pragma once

#include <string_view>

namespace icl::config {

/// The text without the blanks (spaces, tabs, ends of line) before and after it.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace icl::config
