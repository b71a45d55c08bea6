#include "icl/train/metrics.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "icl/config/probe_set.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/probe/columns.hpp"

namespace icl::train {
namespace {

bool always(const config::Config& /*config*/) { return true; }
bool with_equal_labels(const config::Config& c) {
  return c.data.labels != config::LabelRule::independent;
}

struct Row {
  std::string_view name;
  std::string_view description;
  std::string_view units;
  double (*value)(const Evaluation&, std::size_t);
  bool (*exists)(const config::Config&);
};

constexpr std::array table{
    Row{"train_loss",
        "mean logistic loss of the training batches since the previous row (row 0: first batch)",
        "nat", [](const Evaluation& e, std::size_t) { return e.train.loss; }, always},
    Row{"train_accuracy", "accuracy on the training batches since the previous row", "1",
        [](const Evaluation& e, std::size_t) { return e.train.accuracy; }, always},
    Row{"icl_loss", "in-context learning: mean logistic loss on sequences of novel items", "nat",
        [](const Evaluation& e, std::size_t) { return e.icl.loss; }, always},
    Row{"icl_accuracy", "in-context learning: accuracy on sequences of novel items", "1",
        [](const Evaluation& e, std::size_t) { return e.icl.accuracy; }, always},
    Row{"iwl_loss",
        "in-weights learning: mean logistic loss on training items without a copy in the context",
        "nat", [](const Evaluation& e, std::size_t) { return e.iwl.loss; }, always},
    Row{"iwl_accuracy",
        "in-weights learning: accuracy on training items without a copy in the context", "1",
        [](const Evaluation& e, std::size_t) { return e.iwl.accuracy; }, always},
    Row{"icl_equal_loss",
        "in-context learning: mean logistic loss on novel items under the label rule of training",
        "nat", [](const Evaluation& e, std::size_t) { return e.equal.loss; }, with_equal_labels},
    Row{"icl_equal_accuracy",
        "in-context learning: accuracy on novel items under the label rule of training", "1",
        [](const Evaluation& e, std::size_t) { return e.equal.accuracy; }, with_equal_labels},
};

struct NormRow {
  std::string_view name;
  std::string_view description;
  double (*value)(const Evaluation&, std::size_t);
};

constexpr std::array norms{
    NormRow{"norm", "Euclidean norm of the parameter",
            [](const Evaluation& e, std::size_t i) { return e.norms[i].value; }},
    NormRow{"gradient_norm", "Euclidean norm of the gradient on the next training batch",
            [](const Evaluation& e, std::size_t i) { return e.norms[i].gradient; }},
    NormRow{"update_norm", "Euclidean norm of the next update",
            [](const Evaluation& e, std::size_t i) { return e.norms[i].update; }},
};

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
              std::string_view formula, std::string_view source,
              double (*value)(const Evaluation&, std::size_t), std::size_t index) {
  return {name,
          long_name_of(name),
          std::string(units),
          std::string(description),
          std::string(formula),
          std::string(source),
          value,
          index};
}

/// probe::columns() is a table of its own, whose rows are reached by their number.
double probe_value(const Evaluation& e, std::size_t column) {
  return probe::columns()[column].value(e.probes);
}

}  // namespace

std::vector<Metric> metrics(const config::Config& config,
                            std::span<const nn::Parameter* const> parameters) {
  std::vector<Metric> all;
  for (const Row& row : table) {
    if (!row.exists(config)) continue;
    all.push_back(metric(std::string(row.name), row.units, row.description, "", "", row.value, 0));
  }
  const auto probes = config::probes_of(config);
  const auto asked = [&](config::ProbeName probe) {
    return std::ranges::find(probes, probe) != probes.end();
  };
  if (asked(config::ProbeName::memorisation)) {
    all.push_back(metric(
        "I_K", "1", "integrated memorisation signal",
        "integral of c1 over learning rate x step, by trapezoids between "
        "evaluations",
        probe::of_the_paper, [](const Evaluation& e, std::size_t) { return e.I_K; }, 0));
  }
  const auto columns = probe::columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const probe::Column& column = columns[i];
    if (!asked(column.probe)) continue;
    all.push_back(metric(std::string(column.name), column.units, column.description, column.formula,
                         column.source, probe_value, i));
  }
  if (!asked(config::ProbeName::norms)) return all;
  for (const NormRow& row : norms) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      all.push_back(metric(std::string(row.name) + "." + parameters[i]->name, "1", row.description,
                           "sqrt(sum of squares)", probe::of_icl, row.value, i));
      all.back().is_of_parameter = true;
    }
  }
  return all;
}

}  // namespace icl::train
