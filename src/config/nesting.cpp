#include "nesting.hpp"

#include <algorithm>
#include <vector>

namespace icl::config {
namespace {

/// The end of the string that begins the text; a string of one line ends with its line at the
/// latest.
std::size_t string_end(std::string_view text) {
  const char quote = text.front();
  const bool escapes = quote == '"';
  const std::size_t quotes = std::min(text.find_first_not_of(quote), text.size());
  if (quotes == 2) return 2;  // an empty one
  const bool lines = quotes >= 3;
  for (std::size_t i = lines ? 3 : 1; i < text.size(); ++i) {
    if (escapes && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote && (!lines || text.substr(i).starts_with(text.substr(0, 3)))) {
      return i + (lines ? 3 : 1);
    } else if (!lines && text[i] == '\n') {
      return i;
    }
  }
  return text.size();
}

}  // namespace

std::optional<std::size_t> line_nested_deeper(std::size_t most, std::string_view text) {
  std::size_t depth = 0;
  std::vector<std::size_t> levels{0};  // of each open bracket: itself and the dots after it
  const auto close_key = [&] {
    const std::size_t bracket = levels.size() > 1 ? 1 : 0;
    depth -= levels.back() - bracket;
    levels.back() = bracket;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
      case '\'':
        i += string_end(text.substr(i)) - 1;
        break;
      case '#':
        i = std::min(text.find('\n', i), text.size()) - 1;
        break;
      case '.':
        ++levels.back();
        ++depth;
        break;
      case '[':
      case '{':
        levels.push_back(1);
        ++depth;
        break;
      case ']':
      case '}':
        if (levels.size() == 1) break;
        depth -= levels.back();
        levels.pop_back();
        break;
      case ',':
      case '\n':
        close_key();
        break;
      default:
        break;
    }
    if (depth > most) {
      return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, i), '\n'));
    }
  }
  return std::nullopt;
}

}  // namespace icl::config
