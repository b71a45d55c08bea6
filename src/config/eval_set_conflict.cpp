#include "conflicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "icl/config/eval_set.hpp"
#include "icl/config/observers.hpp"

namespace icl::config {
namespace {

using Result = std::optional<Conflict>;

/// Whether a name is one that columns have already: of training, of the evaluators that every run
/// has, of the lesions on them, and of what observers score on a set.
bool is_taken(std::string_view name) {
  constexpr std::array taken{std::string_view("train"), std::string_view("icl"),
                             std::string_view("iwl"), std::string_view("icl_equal")};
  return std::ranges::find(taken, name) != taken.end() || name.ends_with("_icl") ||
         name.ends_with("_iwl") || std::ranges::any_of(observers, [&](const ObserverRow& row) {
           return name.ends_with(fmt::format("_{}", row.name));
         });
}

Result in_name(const std::vector<EvalSet>& sets, const EvalSet& set) {
  if (is_taken(set.name)) {
    return Conflict{fmt::format("eval.set: the name \"{}\" is taken (so are train, icl, iwl, "
                                "icl_equal and what ends in _icl, _iwl or the name of an observer)",
                                set.name),
                    {"eval.set"}};
  }
  if (std::ranges::count(sets, set.name, &EvalSet::name) > 1) {
    return Conflict{fmt::format("eval.set: two evaluators have the name \"{}\"", set.name),
                    {"eval.set"}};
  }
  return std::nullopt;
}

Result in_labels(const EvalSet& set) {
  const bool training = set.items == EvalItems::training;
  if (set.copies == 0 && (set.labels != EvalLabels::own || !training)) {
    return Conflict{
        fmt::format("eval.set: \"{}\" has copies = 0 with {} = {}, so that nothing tells the label "
                    "that is asked for",
                    set.name, training ? "labels" : "items",
                    training ? word(set.labels) : word(set.items)),
        {"eval.set"}};
  }
  if (set.labels != EvalLabels::own && !training) {
    return Conflict{fmt::format("eval.set: \"{}\" has labels = {}, which is about items that the "
                                "network was trained on: items must be training",
                                set.name, word(set.labels)),
                    {"eval.set"}};
  }
  return std::nullopt;
}

Result in_counts(const Config& c, const EvalSet& set) {
  const std::int64_t context = c.data.N - 1;
  if (set.copies && *set.copies > 0 && context % *set.copies != 0) {
    return Conflict{fmt::format("eval.set: \"{}\" has copies = {}, which must divide the {} items "
                                "of the context of data.N = {}",
                                set.name, *set.copies, context, c.data.N),
                    {"eval.set", "data.N"}};
  }
  if (c.data.K.is_infinite()) {
    const bool training = set.items == EvalItems::training;
    if (!training && !set.support) return std::nullopt;
    return Conflict{
        fmt::format("eval.set: \"{}\" has {}, and at data.K = inf every item is new", set.name,
                    training ? "items = training" : fmt::format("support = {}", *set.support)),
        {"eval.set", "data.K"}};
  }
  // How many novel items there are, the table of data.novel_items says: the task looks.
  const std::int64_t least = set.copies == 0 ? c.data.N : 1;
  const bool enough = set.items == EvalItems::novel || set.support <= c.data.K.count();
  if (!set.support || (*set.support >= least && enough)) return std::nullopt;
  return Conflict{fmt::format("eval.set: \"{}\" has support = {}: must be from {}{} to data.K = {}",
                              set.name, *set.support, least,
                              set.copies == 0 ? " (data.N different items)" : "", c.data.K.count()),
                  {"eval.set", "data.K", "data.N"}};
}

}  // namespace

std::optional<Conflict> in_eval_sets(const Config& c) {
  if (!c.eval.set) return std::nullopt;
  const std::vector<EvalSet>& sets = **c.eval.set;
  for (const EvalSet& set : sets) {
    if (auto found = in_name(sets, set)) return found;
    if (auto found = in_labels(set)) return found;
    if (auto found = in_counts(c, set)) return found;
  }
  return std::nullopt;
}

}  // namespace icl::config
