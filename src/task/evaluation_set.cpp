#include "icl/task/evaluation_set.hpp"

#include <fmt/format.h>

#include "icl/config/system.hpp"

namespace icl::task {
namespace {

/// "training items with other labels, 2 copies in the context"
std::string sequences_of(const config::EvalSet& set) {
  std::string text = set.items == config::EvalItems::novel ? "novel items" : "training items";
  if (set.support) text = fmt::format("the first {} {}", *set.support, text);
  if (set.labels == config::EvalLabels::flipped) text += " with other labels than theirs";
  if (set.labels == config::EvalLabels::novel) text += " with labels of the sequence alone";
  if (!set.copies) return text;
  if (*set.copies == 0) return text + " without a copy in the context";
  return text +
         fmt::format(" with {} cop{} in the context", *set.copies, *set.copies == 1 ? "y" : "ies");
}

}  // namespace

Traits traits_of(const config::Config& config) {
  return {.context = config::row_of(config.model.system).has.context,
          .training_items = !config.data.K.is_infinite(),
          .label_rule = config.data.labels != config::LabelRule::independent};
}

std::vector<SetOfRun> sets_of(const config::Config& config) {
  std::vector<SetOfRun> sets;
  const Traits traits = traits_of(config);
  sets.reserve(evaluation_sets.size() + (config.eval.set ? (*config.eval.set)->size() : 0));
  for (const EvaluationSet& set : evaluation_sets) {
    sets.push_back({std::string(set.name), std::string(set.title), std::string(set.learning),
                    std::string(measured_on(set, config)), is_recorded(set, config),
                    traits.*set.needs});
  }
  if (!config.eval.set) return sets;
  for (const config::EvalSet& set : **config.eval.set) {
    sets.push_back(
        {set.name, set.name, "eval.set " + set.name, sequences_of(set), true, true, &set});
  }
  return sets;
}

}  // namespace icl::task
