#include "conflicts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/activations.hpp"
#include "icl/config/optimizer.hpp"
#include "icl/config/probe_set.hpp"
#include "icl/config/steps.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

/// A list of names in the text of a key: each must be that of a row, of one that the system has.
template <class Rows>
std::optional<Conflict> in_names(const Config& c, std::string_view key, std::string_view noun,
                                 std::string_view plural, const Names& names, const Rows& rows) {
  std::vector<std::string_view> known;
  std::vector<std::string_view> had;
  for (const auto& row : rows) {
    known.push_back(row.name);
    if (meets(row_of(c.model.system).has, row.need)) had.push_back(row.name);
  }
  for (const std::string& name : *names) {
    if (std::ranges::find(had, name) != had.end()) continue;
    if (std::ranges::find(known, name) == known.end()) {
      return Conflict{fmt::format("{}: there is no {} \"{}\"; the {} are {}", key, noun, name,
                                  plural, fmt::join(known, ", ")),
                      {key}};
    }
    return Conflict{fmt::format("{}: the system \"{}\" has no {} \"{}\"; it has {}", key,
                                word(c.model.system), noun, name, fmt::join(had, ", ")),
                    {key, "model.system"}};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Conflict> in_probes(const Config& c) {
  if (c.probe.record) {
    if (auto found =
            in_names(c, "probe.record", "probe", "probes", *c.probe.record, probe_rows())) {
      return found;
    }
  }
  const auto probes = probes_of(c);
  if (c.stop.c1 && std::ranges::find(probes, ProbeName::memorisation) == probes.end()) {
    return Conflict{"stop.c1 needs the probe \"memorisation\" and probe.sequences > 0",
                    {"stop.c1", "probe.record", "probe.sequences"}};
  }
  return std::nullopt;
}

std::optional<Conflict> in_activations(const Config& c) {
  if (!c.record.activations) return std::nullopt;
  if ((*c.record.activations)->empty()) {
    return Conflict{"record.activations names none (to record none, leave it out)",
                    {"record.activations"}};
  }
  return in_names(c, "record.activations", "activation", "activations", *c.record.activations,
                  activation_rows());
}

std::optional<Conflict> in_snapshots(const Config& c) {
  const std::int64_t steps = last_step(c);
  if (c.record.snapshot_steps) {
    for (const StepRange& range : **c.record.snapshot_steps) {
      if (last_of(range, steps) <= steps) continue;
      return Conflict{fmt::format("record.snapshot_steps: step {} lies outside of the run, which "
                                  "goes from step 0 to step {}",
                                  last_of(range, steps), steps),
                      {"record.snapshot_steps", "train.epochs", "train.steps_per_epoch"}};
    }
  }
  if (c.record.optimizer && !traits_of(c.train.optimizer).remembers) {
    return Conflict{
        fmt::format("record.optimizer: train.optimizer = \"{}\" remembers nothing from step to "
                    "step, so that any snapshot is a whole state already",
                    word(c.train.optimizer)),
        {"record.optimizer", "train.optimizer"}};
  }
  return std::nullopt;
}

}  // namespace icl::config
