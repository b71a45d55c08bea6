#include "icl/config/names.hpp"

#include "trim.hpp"

namespace icl::config {

std::optional<std::vector<std::string>> read_names(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto words = split_words(text);
  return std::vector<std::string>(words.begin(), words.end());
}

}  // namespace icl::config
