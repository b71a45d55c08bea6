#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace icl::config {

/// The text without the blanks (spaces, tabs, ends of line) before and after it.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Its letters from A to Z as small ones.
[[nodiscard]] inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// The words between blanks or commas.
[[nodiscard]] inline std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view blanks = " ,";
  std::vector<std::string_view> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    if (text.empty()) return words;
    words.push_back(text.substr(0, text.find_first_of(blanks)));
    text.remove_prefix(words.back().size());
  }
}
std::vector<std::string_view> split_words(std::string&&) = delete;  // they would outlive their text

}  // namespace icl::config
