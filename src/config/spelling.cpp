#include "icl/config/spelling.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "document.hpp"
#include "icl/config/activations.hpp"
#include "icl/config/eval_set.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/intervention.hpp"
#include "icl/config/observers.hpp"
#include "icl/config/probe_set.hpp"
#include "icl/config/steps.hpp"
#include "icl/config/toml.hpp"
#include "node_value.hpp"
#include "trim.hpp"

namespace icl::config {
namespace {

/// Those of `rows` that the text names, and then what it names beside them.
template <class Rows>
std::string names_in(std::string_view text, const Rows& rows) {
  auto words = split_words(text);
  if (words.empty()) return std::string(text);
  std::vector<std::string_view> kept;
  for (const auto& row : rows) {
    if (std::erase(words, row.name) > 0) kept.push_back(row.name);
  }
  kept.insert(kept.end(), words.begin(), words.end());
  return fmt::format("{}", fmt::join(kept, " "));
}

/// "5", "5:9", "0:", "5:90:10"
std::string text_of(const StepRange& range) {
  if (range.last && *range.last - range.first <= range.every) return fmt::format("{}", range.first);
  return fmt::format("{}:{}{}", range.first, range.last ? fmt::format("{}", *range.last) : "",
                     range.every == 1 ? "" : fmt::format(":{}", range.every));
}

/// "memoriser*0.5@:10"; always is without steps.
std::string text_of(const Intervention& one, Factor factor) {
  std::string text = one.name;
  if (factor == Factor::required) text += fmt::format("*{}", one.factor);
  if (one.first == 0 && !one.last) return text;
  return text + fmt::format("@{}:{}", one.first == 0 ? "" : fmt::format("{}", one.first),
                            one.last ? fmt::format("{}", *one.last) : "");
}

std::vector<std::string> texts_of(const std::vector<Intervention>& all, Factor factor) {
  std::vector<std::string> texts;
  texts.reserve(all.size());
  for (const Intervention& one : all) texts.push_back(text_of(one, factor));
  return texts;
}

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// Interventions without a factor, by their first steps; nothing if the text is none.
std::optional<std::vector<Intervention>> in_time(std::string_view text) {
  auto all = parse_interventions(text, Factor::none);
  if (!all) return std::nullopt;
  std::ranges::sort(*all, {}, [](const Intervention& one) {
    return std::tuple(one.first, one.last.value_or(std::numeric_limits<std::int64_t>::max()),
                      std::string_view(one.name));
  });
  return all;
}

std::string spell_probes(std::string_view text) { return names_in(text, probe_rows()); }
std::string spell_activations(std::string_view text) { return names_in(text, activation_rows()); }
std::string spell_observers(std::string_view text) { return names_in(text, observers); }

std::string spell_steps(std::string_view text) {
  auto ranges = read_steps(text);
  if (!ranges) return std::string(text);
  std::ranges::sort(*ranges, {}, [](const StepRange& range) {
    return std::tuple(range.first, range.last.value_or(std::numeric_limits<std::int64_t>::max()),
                      range.every);
  });
  std::vector<std::string> parts;
  parts.reserve(ranges->size());
  for (const StepRange& range : *ranges) parts.push_back(text_of(range));
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return joined(parts);
}

std::string spell_frozen(std::string_view text) {
  const auto all = in_time(text);
  if (!all) return std::string(text);
  auto parts = texts_of(*all, Factor::none);
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return joined(parts);
}

/// Repeated ones stay: find_conflict() refuses them.
std::string spell_clamps(std::string_view text) {
  const auto all = in_time(text);
  return all ? joined(texts_of(*all, Factor::none)) : std::string(text);
}

std::string spell_rates(std::string_view text) {
  const auto all = parse_interventions(text, Factor::required);
  return all ? joined(texts_of(*all, Factor::required)) : std::string(text);
}

std::string spell_eval_sets(std::string_view text) {
  const auto sets = read_eval_sets(text);
  return sets ? text_of(*sets) : std::string(text);
}

struct SpellingRow {
  std::string_view key;
  std::string (*spelled)(std::string_view text);
};
constexpr std::array spellings{SpellingRow{"probe.record", spell_probes},
                               SpellingRow{"record.activations", spell_activations},
                               SpellingRow{"record.observers", spell_observers},
                               SpellingRow{"record.snapshot_steps", spell_steps},
                               SpellingRow{"eval.set", spell_eval_sets},
                               SpellingRow{"intervene.freeze", spell_frozen},
                               SpellingRow{"intervene.clamp", spell_clamps},
                               SpellingRow{"intervene.rate", spell_rates}};

}  // namespace

std::string spelled(std::string_view name, std::string_view text) {
  const auto* const row = std::ranges::find(spellings, name, &SpellingRow::key);
  return row == spellings.end() ? std::string(text) : row->spelled(text);
}

Config respelled(const Config& config) {
  Config result = config;
  for (const Field& field : fields()) set(field, get(field, config), result);
  return result;
}

Config parse_stored(std::string_view text, std::string_view source_name) {
  Config config = parse(text, source_name);
  const toml::table document = parse_document(text, source_name, most_config_bytes);
  for (const Entry& entry : entries_of(document, source_name)) {
    const auto* access = std::get_if<TextAccess>(&find_field(entry.name)->access);
    if (access == nullptr || access->read(config) == nullptr) continue;
    const auto value = value_of(*entry.node);
    const auto* as_stored = value ? std::get_if<std::string>(&*value) : nullptr;
    if (as_stored != nullptr) static_cast<void>(access->edit(config, *as_stored));
  }
  return config;
}

}  // namespace icl::config
