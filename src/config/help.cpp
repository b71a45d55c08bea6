#include "icl/config/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "icl/config/field_values.hpp"

namespace icl::config {
namespace {

constexpr std::size_t columns = 100;
constexpr std::size_t doc_indent = 6;

std::string default_text(const Field& field) { return to_text(get(field, Config{})); }

std::string range_and_unit(const Field& field) {
  return field.unit.empty() ? range_text(field)
                            : fmt::format("{} ({})", range_text(field), field.unit);
}

std::string sentence(const Field& field) {
  return field.when_absent.empty()
             ? fmt::format("{}.", field.doc)
             : fmt::format("{}. If not set: {}.", field.doc, field.when_absent);
}

/// The text behind a head, in lines of at most `columns` that begin below it, each ended by a
/// newline.
std::string wrapped(const std::string& head, std::string_view text) {
  std::string lines;
  std::string line = head;
  std::string empty_line = head;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (line.size() + 1 + length > columns && line != empty_line) {
      lines += line + '\n';
      empty_line.assign(head.size(), ' ');
      line = empty_line;
    }
    line += fmt::format(" {}", text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines + line + '\n';
}

/// Whether a field's name or its doc holds a word, whatever the case of its letters.
bool holds(const Field& field, std::string_view word) {
  const auto lower = [](std::string_view text) {
    std::string result(text);
    for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return result;
  };
  const std::string wanted = lower(word);
  return lower(field.name).find(wanted) != std::string::npos ||
         lower(sentence(field)).find(wanted) != std::string::npos;
}

}  // namespace

std::string key_help(std::string_view word) {
  std::size_t name_width = std::string_view("key").size();
  std::size_t default_width = std::string_view("default").size();
  for (const Field& field : fields()) {
    name_width = std::max(name_width, field.name.size());
    default_width = std::max(default_width, default_text(field).size());
  }
  std::string text;
  for (const Field& field : fields()) {
    if (!holds(field, word)) continue;
    text += wrapped(fmt::format("  {:<{}}  {:<{}} ", field.name, name_width, default_text(field),
                                default_width),
                    range_and_unit(field));
    text += wrapped(std::string(doc_indent - 1, ' '), sentence(field));
  }
  if (text.empty()) return text;
  return fmt::format("  {:<{}}  {:<{}}  {}\n", "key", name_width, "default", default_width,
                     "range (unit)") +
         text;
}

}  // namespace icl::config
