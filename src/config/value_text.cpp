#include "value_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "document.hpp"
#include "icl/config/field_values.hpp"
#include "icl/core/message.hpp"
#include "trim.hpp"

namespace icl::config {
namespace {

/// A letter or _, then letters, digits, _, . and -.
bool is_bare_word(std::string_view text) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view others = "0123456789.-";
  return !text.empty() && letters.find(text.front()) != std::string_view::npos &&
         std::ranges::all_of(text, [&](char c) {
           return letters.find(c) != std::string_view::npos ||
                  others.find(c) != std::string_view::npos;
         });
}

bool holds_text(const Field* field) {
  return field != nullptr && std::holds_alternative<TextAccess>(field->access);
}

}  // namespace

toml::table parse_value(std::string_view text, std::string_view where, const Field* field) {
  if (text.empty()) {
    throw usage_error(where, "the value is missing; expected key=value");
  }
  if (text.size() > most_config_bytes) {  // not `where`, which holds the text
    throw usage_error("--set", fmt::format("a value has at most {} KiB", most_config_bytes / 1024));
  }
  if (!is_utf8(text)) {
    throw usage_error(where,
                      "the value is not UTF-8, and what a run is made of is kept as TOML, "
                      "which holds no other text; give a file another name");
  }
  require_text(text, "--set");
  toml::table document;
  const bool is_text = holds_text(field);
  const bool quoted = text.starts_with('"') || text.starts_with('\'');
  if (is_text && !quoted && !text.starts_with('[')) {
    document.insert("value", std::string(text));
    return document;
  }
  try {
    document = toml::parse(fmt::format("value = {}", text), std::string_view("--set"));
  } catch (const toml::parse_error& error) {
    if (quoted || is_text || !(is_bare_word(text) || text == not_set)) {
      throw usage_error(where, fmt::format("not a TOML value: {}", error.description()));
    }
    document.insert("value", std::string(text));
  }
  if (document.size() != 1) {
    throw usage_error(where, "expected one TOML value, found several lines");
  }
  return document;
}

toml::table parse_list(std::string_view text, std::string_view where, const Field* field) {
  text = trim(text);
  if (text.starts_with('[') || text.starts_with('{')) return parse_value(text, where, nullptr);
  toml::array values;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto value = parse_value(trim(text.substr(0, comma)), where, field);
    value.get("value")->visit([&](const auto& node) { values.push_back(node); });
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return toml::table{{"value", std::move(values)}};
}

}  // namespace icl::config
