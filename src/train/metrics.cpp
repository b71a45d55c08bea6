#include "icl/train/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "icl/config/loss.hpp"
#include "icl/config/observers.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/probe/probe.hpp"
#include "icl/task/evaluation_set.hpp"

namespace icl::train {
namespace {

/// "icl_accuracy" as readers show it on an axis: "ICL accuracy". Symbols (I_K) stay as they are.
std::string long_name_of(std::string name) {
  constexpr std::size_t longest_symbol = 3;
  if (name.size() <= longest_symbol) return name;
  std::ranges::replace(name, '_', ' ');
  for (const auto& [word, capitals] : {std::pair{"icl", "ICL"}, std::pair{"iwl", "IWL"}}) {
    if (const auto at = name.find(word); at != std::string::npos) name.replace(at, 3, capitals);
  }
  return name;
}

Metric metric(const std::string& name, std::string_view units, std::string_view description,
              double (*value)(const Evaluation&, std::size_t), std::size_t index) {
  return {name, long_name_of(name), std::string(units), std::string(description), "", "", value,
          index};
}

void add_training(const config::Config& config, const config::LossRow& loss,
                  std::vector<Metric>& all) {
  const std::string_view where = config::loss_at(config) == config::LossAt::every
                                     ? ", over every item or symbol of their sequences"
                                     : "";
  all.push_back(metric(
      "train_loss", loss.unit,
      fmt::format("mean {} of the training batches since the previous row (row 0: first batch){}",
                  loss.title, where),
      [](const Evaluation& e, std::size_t) { return e.train.loss; }, 0));
  if (!loss.judges) return;
  all.push_back(metric(
      "train_accuracy", "1",
      fmt::format("accuracy on the training batches since the previous row{}", where),
      [](const Evaluation& e, std::size_t) { return e.train.accuracy; }, 0));
}

void add_sets(const config::Config& config, const config::LossRow& loss, std::vector<Metric>& all) {
  const std::vector<task::SetOfRun> sets = task::sets_of(config);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const task::SetOfRun& set = sets[i];
    if (!set.is_recorded) continue;
    all.push_back(metric(
        fmt::format("{}_loss", set.name), loss.unit,
        fmt::format("{}: mean {} on {}", set.learning, loss.title, set.on),
        [](const Evaluation& e, std::size_t at) { return e.sets.at(at).loss; }, i));
    if (!loss.judges) continue;
    all.push_back(metric(
        fmt::format("{}_accuracy", set.name), "1",
        fmt::format("{}: accuracy on {}", set.learning, set.on),
        [](const Evaluation& e, std::size_t at) { return e.sets.at(at).accuracy; }, i));
  }
}

/// Loss of each ideal observer on each set, and how far the network's answers are from its.
void add_observers(const config::Config& config, const config::LossRow& loss,
                   std::vector<Metric>& all) {
  const auto names = config::observers_of(config);
  const bool numbers = config::asked_of(config).loss == config::LossKind::squared;
  const std::vector<task::SetOfRun> sets = task::sets_of(config);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const task::SetOfRun& set = sets[i];
    if (!set.is_recorded) continue;
    for (std::size_t j = 0; j < names.size(); ++j) {
      const config::ObserverRow& row = config::row_of(names[j]);
      const std::size_t at = i * names.size() + j;
      Metric& own = all.emplace_back(metric(
          fmt::format("{}_{}_loss", set.name, row.name), loss.unit,
          fmt::format("mean {} on {} of {}", loss.title, set.on, row.is),
          [](const Evaluation& e, std::size_t place) { return e.observers[place].loss; }, at));
      own.formula = row.formula;
      own.source = row.source;
      Metric& distance = all.emplace_back(metric(
          fmt::format("{}_{}_distance", set.name, row.name), loss.unit,
          fmt::format("how far the network's answers on {} are from those of {}", set.on, row.is),
          [](const Evaluation& e, std::size_t place) { return e.observers[place].distance; }, at));
      distance.formula = numbers ? "mean of (z - z_o)^2, z_o the observer's answer"
                                 : "mean of sum over labels l of q(l) ln(q(l)/p(l)), q the "
                                   "observer's answer and p the network's";
      distance.source = numbers ? row.source : "Kullback & Leibler 1951";
    }
  }
}

std::string name_of(const probe::Place& place, const config::Config& config,
                    std::span<const nn::Parameter* const> parameters) {
  switch (place.column->each) {
    case probe::Each::run:
      return std::string(place.column->name);
    case probe::Each::parameter:
      return fmt::format("{}.{}", place.column->name, parameters[place.which]->name);
    case probe::Each::head:
    case probe::Each::inner_head:
      break;
  }
  const auto heads = static_cast<std::size_t>(config::blocks_shape(config).n_heads);
  return fmt::format("{}_{}_{}", place.column->name, place.which / heads, place.which % heads);
}

/// A text of a column with what the run has in their places.
std::string filled_in(std::string_view text, const config::LossRow& loss, const std::string& icl) {
  std::string filled(text);
  for (const auto& [place, words] :
       {std::pair<std::string_view, std::string_view>{"{unit}", loss.unit},
        {"{loss}", loss.formula},
        {"{margin}", loss.margin},
        {"{icl}", icl}}) {
    if (const auto at = filled.find(place); at != std::string::npos) {
      filled.replace(at, place.size(), words);
    }
  }
  return filled;
}

void add_probes(const config::Config& config, const config::LossRow& loss,
                std::span<const nn::Parameter* const> parameters, std::vector<Metric>& all) {
  const auto places = probe::places_of(config, parameters.size());
  const std::string icl = task::sets_of(config).at(task::set_in(task::Role::icl)).on;
  const auto text = [&](std::string_view of_column) { return filled_in(of_column, loss, icl); };
  for (std::size_t i = 0; i < places.size(); ++i) {
    const probe::Column& column = *places[i].column;
    Metric& added = all.emplace_back(metric(
        name_of(places[i], config, parameters), text(column.units), text(column.description),
        [](const Evaluation& e, std::size_t at) { return e.probes.values[at]; }, i));
    added.formula = text(column.formula);
    added.source = column.source;
    added.is_of_parameter = column.each == probe::Each::parameter;
  }
}

}  // namespace

std::vector<Metric> metrics(const config::Config& config,
                            std::span<const nn::Parameter* const> parameters) {
  std::vector<Metric> all;
  const config::LossRow& loss = config::row_of(config::asked_of(config).loss);
  add_training(config, loss, all);
  add_sets(config, loss, all);
  add_observers(config, loss, all);
  add_probes(config, loss, parameters, all);
  return all;
}

}  // namespace icl::train
