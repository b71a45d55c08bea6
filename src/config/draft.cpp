#include "draft.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/nearest.hpp"
#include "node_value.hpp"
#include "trim.hpp"
#include "value_text.hpp"

namespace icl::config {
namespace {

std::string did_you_mean(std::string_view name) {
  const Field* nearest = nearest_field(name);
  return nearest == nullptr ? "; icl keys lists them"
                            : fmt::format("; did you mean {}?", nearest->name);
}

/// "data is a section with the keys data.K, ..."
std::string section_text(std::string_view name) {
  std::string keys;
  for (const Field& field : fields()) {
    if (section_of(field) == name) {
      keys += (keys.empty() ? "" : ", ") + std::string(field.name);
    }
  }
  return fmt::format("{} is a section with the keys {}", name, keys);
}

std::string section_as_key(std::string_view name, const toml::node& node) {
  const Field* nearest = nearest_field(name);
  if (name == "eval" && node.is_array()) {
    return "eval is a section, and a TOML file cannot have [eval] and [[eval]]: write [[eval.set]]";
  }
  return fmt::format("{}: expected a table, found {}{}", section_text(name), kind_of(node),
                     nearest == nullptr ? "" : fmt::format("; did you mean {}?", nearest->name));
}

std::string unknown_section(std::string_view name) {
  const bool of_sweep = name == "sweep" || name == "scale";
  return fmt::format("unknown section [{}]; the sections are {}{}", name,
                     fmt::join(sections(), ", "),
                     of_sweep ? ". (A file with it is for icl sweep)" : "");
}

}  // namespace

std::string unknown_key(std::string_view name) {
  return fmt::format("unknown key \"{}\"{}", name, did_you_mean(name));
}

void Draft::apply(const Entry& entry) {
  const Field* field = find_field(entry.name);
  if (field == nullptr) {
    if (is_section(entry.name)) {
      throw usage_error(entry.where, section_as_key(entry.name, *entry.node));
    }
    const auto* empty = entry.node->as_table();
    const bool of_sweep = entry.name.starts_with("sweep.") || entry.name.starts_with("scale.");
    if (of_sweep) throw usage_error(entry.where, unknown_section(entry.name.substr(0, 5)));
    const bool section = empty != nullptr && entry.name.find('.') == std::string::npos;
    throw usage_error(entry.where, section ? unknown_section(entry.name) : unknown_key(entry.name));
  }
  const auto value = value_for(*field, *entry.node);
  if (!value) {
    throw usage_error(entry.where, mismatch(*field, kind_of(*entry.node)));
  }
  try {
    set(*field, *value, config_);
  } catch (const Error& error) {
    throw usage_error(entry.where, error.what());
  }
  origins_.insert_or_assign(entry.name, Origin{settings_++, entry.where});
}

std::string Draft::apply_override(const std::string& text, std::string_view option) {
  const std::string where = fmt::format("{} {}", option, text);
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw usage_error(where, "expected key=value");
  }
  const std::string_view name = trim(std::string_view(text).substr(0, equals));
  if (name.empty()) {
    throw usage_error(where, "the key is missing; expected key=value");
  }
  const Field* field = find_field(name);
  if (is_section(name)) {
    throw usage_error(where, fmt::format("{}: {} takes one key at a time, with its dot",
                                         section_text(name), option));
  }
  const auto document = parse_value(trim(std::string_view(text).substr(equals + 1)), where, field);
  apply({std::string(name), document.get("value"), where});
  return std::string(name);
}

std::string_view Draft::where(std::string_view name) const {
  const auto origin = origins_.find(name);
  return origin == origins_.end() ? std::string_view() : origin->second.where;
}

Config Draft::finish() const {
  const auto conflict = find_conflict(config_);
  if (!conflict) return config_;
  const Origin* last = nullptr;
  for (const std::string_view key : conflict->keys) {
    const auto origin = origins_.find(key);
    if (origin != origins_.end() && (last == nullptr || origin->second.order > last->order)) {
      last = &origin->second;
    }
  }
  throw last == nullptr ? Error(ExitCode::usage, conflict->message)
                        : usage_error(last->where, conflict->message);
}

}  // namespace icl::config
