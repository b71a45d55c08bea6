#include "icl/config/toml.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "document.hpp"
#include "draft.hpp"
#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"

namespace icl::config {
namespace {

void apply_document(std::string_view text, std::string_view source_name, Draft& draft) {
  const toml::table document = parse_document(text, source_name, most_config_bytes);
  for (const Entry& entry : entries_of(document, source_name)) draft.apply(entry);
}

void apply_overrides(std::span<const std::string> overrides, Draft& draft) {
  for (const std::string& text : overrides) draft.apply_override(text);
}

}  // namespace

Config load(const std::filesystem::path& file, std::span<const std::string> overrides) {
  Draft draft;
  apply_document(read_text(file, most_config_bytes), source_name_of(file), draft);
  apply_overrides(overrides, draft);
  return draft.finish();
}

Config with_overrides(const Config& config, std::span<const std::string> overrides) {
  Draft draft(config);
  apply_overrides(overrides, draft);
  return draft.finish();
}

Setting parse_setting(const std::string& text, std::string_view option) {
  Draft draft;
  const Field* field = find_field(draft.apply_override(text, option));
  return {field, get(*field, draft.config())};
}

Config parse(std::string_view text, std::string_view source_name) {
  Draft draft;
  apply_document(text, source_name, draft);
  return draft.finish();
}

std::string to_toml(const Config& config, std::span<const std::string_view> without) {
  std::string text;
  for (const std::string_view section : sections()) {
    std::string keys;
    for (const Field& field : fields()) {
      if (section_of(field) != section) continue;
      if (std::ranges::find(without, field.name) != without.end()) continue;
      const Value value = get(field, config);
      if (!std::holds_alternative<std::monostate>(value)) {
        keys += fmt::format("{} = {}\n", key_of(field), to_text(value));
      } else if (has_meaning(field, config.model.system)) {
        keys += fmt::format("# {} is not set: {}\n", key_of(field), field.when_absent);
      }
    }
    if (!keys.empty()) text += fmt::format("{}[{}]\n{}", text.empty() ? "" : "\n", section, keys);
  }
  return text;
}

}  // namespace icl::config
