#include "node_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <variant>
#include <vector>

namespace icl::config {
namespace {

/// "NAME key=value ..." of a table with a name; nothing if it holds anything but words and numbers.
std::optional<std::string> name_and_keys(const toml::table& table) {
  const auto* name = table.get_as<std::string>("name");
  if (name == nullptr) return std::nullopt;
  std::string words = name->get();
  const auto is_word = [](const std::string& text) {
    return !text.empty() && text.find_first_of(" ,=") == std::string::npos;
  };
  if (!is_word(words)) return std::nullopt;
  for (const auto& [key, node] : table) {
    if (key.str() == "name") continue;
    const auto* word = node.as_string();
    const auto* number = node.as_integer();
    if (number == nullptr && (word == nullptr || !is_word(word->get()))) return std::nullopt;
    words += fmt::format(" {}={}", key.str(),
                         word != nullptr ? word->get() : fmt::format("{}", number->get()));
  }
  return words;
}

}  // namespace

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a float";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
      return "a date";
    case toml::node_type::time:
      return "a time";
    case toml::node_type::date_time:
      return "a date and time";
    case toml::node_type::none:
      break;
  }
  return "nothing";
}

std::optional<Value> value_of(const toml::node& node) {
  if (const auto* integer = node.as_integer()) {
    return integer->get();
  }
  if (const auto* real = node.as_floating_point()) {
    return real->get();
  }
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  if (const auto* on = node.as_boolean()) {
    return on->get();
  }
  return std::nullopt;
}

std::optional<Value> value_for(const Field& field, const toml::node& node) {
  const auto* text = std::get_if<TextAccess>(&field.access);
  const auto* parts = node.as_array();
  const bool is_list = text != nullptr && text->form.ends_with(", ...");
  if (is_list && node.is_integer()) return fmt::format("{}", node.as_integer()->get());
  if (!is_list || parts == nullptr) return value_of(node);
  if (parts->empty()) return std::nullopt;
  std::vector<std::string> words;
  for (const toml::node& part : *parts) {
    if (const auto* word = part.as_string()) {
      words.push_back(word->get());
    } else if (const auto* number = part.as_integer()) {
      words.push_back(fmt::format("{}", number->get()));
    } else if (const auto* table = part.as_table()) {
      const auto text_of_table = name_and_keys(*table);
      if (!text_of_table) return std::nullopt;
      words.push_back(*text_of_table);
    } else {
      return std::nullopt;
    }
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace icl::config
