#include "check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "document.hpp"

namespace icl::config {
namespace {

enum class Form : std::uint8_t { text, texts, bounds };

struct Key {
  std::string_view name;
  Form form;
  bool required;
};

constexpr std::array item_keys{Key{"title", Form::text, true}, Key{"figure", Form::text, false},
                               Key{"question", Form::text, true}};
constexpr std::array check_keys{
    Key{"name", Form::text, true},     Key{"quantity", Form::text, true},
    Key{"bounds", Form::bounds, true}, Key{"source", Form::text, true},
    Key{"scales", Form::texts, false}, Key{"note", Form::text, false}};

bool is_text(const toml::node& node) {
  const auto* text = node.as_string();
  return text != nullptr && !text->get().empty();
}

bool has_form(const toml::node& node, Form form) {
  if (form == Form::text) return is_text(node);
  const auto* list = node.as_array();
  if (list == nullptr || list->empty()) return false;
  if (form == Form::texts) return std::ranges::all_of(*list, is_text);
  if (list->size() != 2) return false;
  const auto low = list->get(0)->value<double>();
  const auto high = list->get(1)->value<double>();
  return low && high && *low <= *high;
}

std::string_view expected(Form form) {
  switch (form) {
    case Form::text:
      return "a text";
    case Form::texts:
      return "a list of texts";
    case Form::bounds:
      return "[low, high], two numbers in order";
  }
  return "";
}

void require(const toml::table& table, std::span<const Key> keys, std::string_view name,
             std::string_view source, const toml::source_region& region) {
  for (const auto& [key, node] : table) {
    const std::string where = fmt::format("{}:{}", source, key.source().begin.line);
    const auto known = std::ranges::find(keys, key.str(), &Key::name);
    if (known == keys.end()) {
      std::vector<std::string_view> names;
      for (const Key& k : keys) names.push_back(k.name);
      throw usage_error(where, fmt::format("unknown key \"{}\" in {}; it may have {}", key.str(),
                                           name, fmt::join(names, ", ")));
    }
    if (!has_form(node, known->form)) {
      throw usage_error(
          where, fmt::format("{} of {}: expected {}", key.str(), name, expected(known->form)));
    }
  }
  for (const Key& key : keys) {
    if (key.required && !table.contains(key.name)) {
      throw usage_error(fmt::format("{}:{}", source, region.begin.line),
                        fmt::format("{} lacks {}", name, key.name));
    }
  }
}

}  // namespace

void require_descriptions(const toml::table& document, std::string_view source_name) {
  if (const toml::node* item = document.get("item")) {
    const std::string where = fmt::format("{}:{}", source_name, item->source().begin.line);
    if (!item->is_table()) throw usage_error(where, "item: expected a table");
    require(*item->as_table(), item_keys, "[item]", source_name, item->source());
  }
  const toml::node* checks = document.get("check");
  if (checks == nullptr) return;
  const auto* list = checks->as_array();
  const std::string where = fmt::format("{}:{}", source_name, checks->source().begin.line);
  const bool tables = list != nullptr &&
                      std::ranges::all_of(*list, [](const toml::node& n) { return n.is_table(); });
  if (!tables) throw usage_error(where, "check: expected tables, each under a line [[check]]");
  std::set<std::string> names;
  for (const toml::node& node : *list) {
    const toml::table& check = *node.as_table();
    require(check, check_keys, "[[check]]", source_name, node.source());
    if (const std::string name = check["name"].value_or(""); !names.insert(name).second) {
      throw usage_error(fmt::format("{}:{}", source_name, node.source().begin.line),
                        fmt::format("two checks are named \"{}\"", name));
    }
  }
}

}  // namespace icl::config
