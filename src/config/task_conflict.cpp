#include "conflicts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/fields.hpp"
#include "icl/config/observers.hpp"
#include "icl/config/probe_set.hpp"

namespace icl::config {
namespace {

using Found = std::optional<Conflict>;

/// Keys about items with labels, or about copies of the target.
constexpr std::array<std::string_view, 23> keys_of_labels{
    "data.labels",       "data.label_code",  "data.zipf",          "data.bursty",
    "data.items",        "data.scale",       "data.novel_items",   "data.novel_fraction",
    "seed.labels",       "seed.novel",       "seed.probe",         "stop.icl_accuracy",
    "stop.c1",           "eval.refine",      "record.activations", "compat.short_last_batch",
    "compat.item_seeds", "data.copies",      "data.novel",         "eval.set",
    "blocks.shift",      "data.label_count", "data.label_vectors"};

Found in_regression(const Config& c) {
  if (task_of(c) != TaskKind::regression) return std::nullopt;
  static const Config defaults;
  for (const std::string_view name : keys_of_labels) {
    const Field& field = *find_field(name);
    if (get(field, c) == get(field, defaults)) continue;
    return Conflict{fmt::format("{} = {} is about items with labels, which data.task = "
                                "\"regression\" has none of",
                                name, to_text(get(field, c))),
                    {name, "data.task"}};
  }
  if (c.intervene.clamp) {
    for (const Clamping& one : **c.intervene.clamp) {
      if (one.to != Clamp::copy) continue;
      return Conflict{
          "intervene.clamp: \"copy\" attends to copies of the target, which data.task "
          "= \"regression\" has none of",
          {"intervene.clamp", "data.task"}};
    }
  }
  if (c.probe.record) {
    for (const ProbeRow& row : probe_rows()) {
      if (!reads_labels(row.probe)) continue;
      if (std::ranges::find(**c.probe.record, row.name) == (*c.probe.record)->end()) continue;
      return Conflict{fmt::format("probe.record: \"{}\" looks at items with labels, which "
                                  "data.task = \"regression\" has none of",
                                  row.name),
                      {"probe.record", "data.task"}};
    }
  }
  // One stream makes all of a sequence.
  constexpr std::int64_t most = std::int64_t{1} << 26;
  if (c.data.N * (c.data.D + 2) <= most) return std::nullopt;
  return Conflict{fmt::format("data.N = {} times data.D + 2 = {} must be at most 2^26 with "
                              "data.task = \"regression\"",
                              c.data.N, c.data.D + 2),
                  {"data.N", "data.D", "data.task"}};
}

Found in_observers(const Config& c) {
  if (!c.record.observers) return std::nullopt;
  const std::vector<std::string>& names = **c.record.observers;
  if (names.empty()) {
    return Conflict{"record.observers names none (to record none, leave it out)",
                    {"record.observers"}};
  }
  std::vector<std::string_view> had;
  for (const ObserverRow& row : observers) {
    if (row.task == task_of(c)) had.push_back(row.name);
  }
  for (const std::string& name : names) {
    if (std::ranges::find(had, name) != had.end()) continue;
    const bool known = std::ranges::find(observers, name, &ObserverRow::name) != observers.end();
    return Conflict{fmt::format("record.observers: {} \"{}\"; with data.task = \"{}\" there are {}",
                                known ? "another task has the observer" : "there is no observer",
                                name, word(task_of(c)), fmt::join(had, ", ")),
                    {"record.observers", "data.task"}};
  }
  if (c.data.items && std::ranges::find(names, "copier") != names.end()) {
    return Conflict{
        "record.observers: \"copier\" takes items for normal variates, which those of "
        "data.items are not",
        {"record.observers", "data.items"}};
  }
  return std::nullopt;
}

}  // namespace

Found in_task(const Config& c) {
  auto found = in_regression(c);
  return found ? found : in_observers(c);
}

}  // namespace icl::config
