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

/// Keys about what some tasks alone have.
struct KeyOf {
  std::string_view key;
  bool TaskRow::*needs;
};
constexpr std::array keys_of_tasks{
    KeyOf{"data.labels", &TaskRow::labels},
    KeyOf{"data.label_code", &TaskRow::labels},
    KeyOf{"data.zipf", &TaskRow::labels},
    KeyOf{"data.bursty", &TaskRow::labels},
    KeyOf{"data.items", &TaskRow::labels},
    KeyOf{"data.scale", &TaskRow::labels},
    KeyOf{"data.novel_items", &TaskRow::labels},
    KeyOf{"data.novel_fraction", &TaskRow::labels},
    KeyOf{"seed.labels", &TaskRow::labels},
    KeyOf{"seed.novel", &TaskRow::labels},
    KeyOf{"seed.probe", &TaskRow::labels},
    KeyOf{"stop.icl_accuracy", &TaskRow::labels},
    KeyOf{"stop.c1", &TaskRow::labels},
    KeyOf{"eval.refine", &TaskRow::labels},
    KeyOf{"record.activations", &TaskRow::labels},
    KeyOf{"compat.short_last_batch", &TaskRow::labels},
    KeyOf{"compat.item_seeds", &TaskRow::labels},
    KeyOf{"data.copies", &TaskRow::labels},
    KeyOf{"data.novel", &TaskRow::labels},
    KeyOf{"eval.set", &TaskRow::labels},
    KeyOf{"blocks.shift", &TaskRow::labels},
    KeyOf{"data.label_count", &TaskRow::labels},
    KeyOf{"data.label_vectors", &TaskRow::labels},
    KeyOf{"data.layout", &TaskRow::items},
    KeyOf{"data.noise", &TaskRow::items},
    KeyOf{"data.concentration", &TaskRow::symbols},
};

/// What a task has none of that lacks this.
std::string_view name_of_need(bool TaskRow::*needed) {
  if (needed == &TaskRow::labels) return "items with labels";
  return needed == &TaskRow::items ? "items" : "symbols";
}

Found in_keys(const Config& c) {
  static const Config defaults;
  for (const KeyOf& row : keys_of_tasks) {
    const Field& field = *find_field(row.key);
    if (row_of(task_of(c)).*row.needs || get(field, c) == get(field, defaults)) continue;
    return Conflict{
        fmt::format("{} = {} is about {}, which data.task = \"{}\" has none of", row.key,
                    to_text(get(field, c)), name_of_need(row.needs), word(task_of(c))),
        {row.key, "data.task"}};
  }
  return std::nullopt;
}

/// Clamps and probes of copies and labels.
Found in_names_of_labels(const Config& c) {
  const TaskRow& row_of_task = row_of(task_of(c));
  if (row_of_task.labels) return std::nullopt;
  const std::string_view task = word(task_of(c));
  if (c.intervene.clamp) {
    for (const Clamping& one : **c.intervene.clamp) {
      if (one.to != Clamp::copy) continue;
      const std::string has =
          row_of_task.copies ? fmt::format("not every sequence of data.task = \"{}\" has", task)
                             : fmt::format("data.task = \"{}\" has none of", task);
      return Conflict{
          fmt::format("intervene.clamp: \"copy\" attends to copies of the target, which {}", has),
          {"intervene.clamp", "data.task"}};
    }
  }
  if (!c.probe.record) return std::nullopt;
  for (const ProbeRow& row : probe_rows()) {
    if (!reads_labels(row.probe)) continue;
    if (std::ranges::find(**c.probe.record, row.name) == (*c.probe.record)->end()) continue;
    return Conflict{fmt::format("probe.record: \"{}\" looks at items with labels, which "
                                "data.task = \"{}\" has none of",
                                row.name, task),
                    {"probe.record", "data.task"}};
  }
  return std::nullopt;
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
  auto found = in_keys(c);
  if (!found) found = in_names_of_labels(c);
  const TaskRow& task = row_of(task_of(c));
  if (!found && task.too_large != nullptr) found = task.too_large(c);
  return found ? found : in_observers(c);
}

}  // namespace icl::config
