#include "icl/train/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "icl/config/probe_set.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/probe/probe.hpp"

namespace icl::train {
namespace {

using testing::Contains;
using testing::IsSupersetOf;
using testing::Key;
using testing::Not;

config::Config of(const std::string& system) {
  config::Config config;
  config.model.system = config::choice_of<config::System>(system).value();
  return config;
}

/// Two parameters, "w" and "mlp.0.bias".
class MetricsTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<Metric> all(const config::Config& config) const {
    return metrics(config, std::vector<const nn::Parameter*>{&first_, &second_});
  }
  [[nodiscard]] static Evaluation empty(const config::Config& config) {
    Evaluation evaluation;
    evaluation.probes.places = probe::places_of(config, 2);
    evaluation.probes.values.resize(evaluation.probes.places.size());
    return evaluation;
  }
  [[nodiscard]] std::map<std::string, double> read(const config::Config& config,
                                                   const Evaluation& evaluation) const {
    std::map<std::string, double> values;
    for (const Metric& m : all(config)) values[m.name] = m.value(evaluation, m.index);
    return values;
  }

 private:
  nn::Parameter first_{"w", {"output"}, nn::Group::attention, Tensor({1}), {}};
  nn::Parameter second_{"mlp.0.bias", {"hidden"}, nn::Group::mlp, Tensor({4}), {}};
};

TEST(Score, OfNothingIsNan) {
  EXPECT_TRUE(std::isnan(Score{}.loss));
  EXPECT_TRUE(std::isnan(Score{}.accuracy));
}

TEST_F(MetricsTest, ReadWhatTheirNamesSay) {
  config::Config config = of("one_layer");
  config.data.labels = config::LabelRule::equal_context;
  config.probe.record = "memorisation norms";
  Evaluation evaluation = empty(config);
  evaluation.step = 7;
  evaluation.train = {0.1, 0.2};
  evaluation.sets = {Score{0.3, 0.4}, Score{0.5, 0.6}, Score{0.7, 0.8}};
  for (std::size_t i = 0; i < evaluation.probes.values.size(); ++i) {
    evaluation.probes.values[i] = static_cast<double>(i);
  }
  EXPECT_THAT(read(config, evaluation),
              IsSupersetOf(std::map<std::string, double>{{"train_loss", 0.1},
                                                         {"train_accuracy", 0.2},
                                                         {"icl_loss", 0.3},
                                                         {"icl_accuracy", 0.4},
                                                         {"iwl_loss", 0.5},
                                                         {"iwl_accuracy", 0.6},
                                                         {"icl_equal_loss", 0.7},
                                                         {"icl_equal_accuracy", 0.8},
                                                         {"I_K", 0},
                                                         {"c1", 1},
                                                         {"phi_deviation", 5},
                                                         {"norm.w", 6},
                                                         {"gradient_norm.w", 8},
                                                         {"update_norm.w", 10},
                                                         {"norm.mlp.0.bias", 7},
                                                         {"gradient_norm.mlp.0.bias", 9},
                                                         {"update_norm.mlp.0.bias", 11}}));
}

TEST_F(MetricsTest, AreDescribed) {
  for (const char* system : {"one_layer", "multi_layer", "scalar_beta", "minimal", "memoriser"}) {
    std::set<std::string> names;
    for (const Metric& metric : all(of(system))) {
      EXPECT_TRUE(names.insert(metric.name).second) << metric.name << " comes twice";
      EXPECT_FALSE(metric.long_name.empty()) << metric.name;
      EXPECT_FALSE(metric.units.empty()) << metric.name;
      EXPECT_THAT(metric.name,
                  testing::MatchesRegex(metric.is_of_parameter ? "[a-z][a-z_]*\\.[a-z][a-z0-9_.]*"
                                                               : "[a-zI][a-zK0-9_]*"));
      EXPECT_EQ(metric.is_of_parameter, metric.name.find("norm.") != std::string::npos);
    }
  }
}

TEST_F(MetricsTest, OfHeadsAreNamedByLayerAndHead) {
  config::Config config = of("blocks");
  config.blocks.n_layers = 2;
  config.blocks.n_heads = 2;
  config.probe.record = "heads, head_lesions";
  std::vector<std::string> names;
  for (const Metric& metric : all(config)) {
    if (metric.formula.empty()) continue;  // a loss or an accuracy
    names.push_back(metric.name);
    EXPECT_FALSE(metric.is_of_parameter);  // merged files have them
  }
  std::vector<std::string> expected;
  for (const char* name : {"attention_on_copy", "attention_after_copy", "attention_on_previous",
                           "without_head_icl_loss", "without_head_icl_accuracy"}) {
    for (const char* head : {"_0_0", "_0_1", "_1_0", "_1_1"}) {
      const bool of_target_alone = std::string(name) == "attention_on_previous" && head[1] == '1';
      if (!of_target_alone) expected.push_back(std::string(name) + head);
    }
  }
  EXPECT_EQ(names, expected);
}

// Regression has no copies, and no answer that is right.
TEST_F(MetricsTest, OfHeadsAreThoseThatTheTaskHasACopyOrAnAnswerFor) {
  config::Config config = of("blocks");
  config.probe.record = "heads, head_lesions";
  const auto named = [&](config::TaskKind task) {
    config.data.task = task;
    std::vector<std::string> words;
    for (const Metric& metric : all(config)) {
      if (metric.formula.empty()) continue;
      words.push_back(metric.name + " (" + metric.units + "): " + metric.formula);
      EXPECT_EQ(metric.description.find('{'), std::string::npos) << metric.description;
    }
    return words;
  };
  EXPECT_THAT(named(config::TaskKind::regression),
              testing::ElementsAre(
                  "attention_on_previous_0_0 (1): < mean over i of a_i(i-1) >",
                  "without_head_icl_loss_0_0 (1): mean mean over outputs p of (z_p - v_p)^2",
                  "without_head_icl_loss_1_0 (1): mean mean over outputs p of (z_p - "
                  "v_p)^2"));
  EXPECT_EQ(named(config::TaskKind::chains).size(), 9U);
  EXPECT_THAT(
      named(config::TaskKind::chains),
      testing::IsSupersetOf({"attention_on_copy_1_0 (1): < sum over the copies i of a_T(i) >",
                             "without_head_icl_loss_1_0 (nat): mean -ln p_y, p = "
                             "softmax(z)",
                             "without_head_icl_accuracy_1_0 (1): share of right answers"}));
}

TEST_F(MetricsTest, FormulasAreThoseOfTheRunsLoss) {
  config::Config config = of("blocks");
  config.probe.record = "lesions, head_lesions, margins";
  const auto formula_of = [&](const std::string& name) {
    const auto metrics = all(config);
    return std::ranges::find(metrics, name, &Metric::name)->formula;
  };
  const std::string margin = "ln(p_y / (1 - p_y)), p = softmax(z)";
  EXPECT_EQ(formula_of("uniform_icl_loss"), "mean softplus(-y z)");
  EXPECT_EQ(formula_of("memoriser_margin"), "< m0 >, m0 = y z without the attention term");
  config.data.label_count = 3;
  EXPECT_EQ(formula_of("uniform_icl_loss"), "mean -ln p_y, p = softmax(z)");
  EXPECT_EQ(formula_of("without_head_icl_loss_1_0"), "mean -ln p_y, p = softmax(z)");
  EXPECT_EQ(formula_of("novel_margin_deviation"), "standard deviation of " + margin);
  EXPECT_EQ(formula_of("attention_margin"),
            "< m - m0 >, m = " + margin + ", m0 the same without the attention term");
  for (const Metric& metric : all(config)) {
    EXPECT_EQ(metric.formula.find('{'), std::string::npos) << metric.name << ' ' << metric.formula;
  }
}

TEST_F(MetricsTest, OfTrainingSayOverWhatTheyAreMeans) {
  config::Config config = of("blocks");
  const auto description_of = [&](const std::string& name) {
    const auto metrics = all(config);
    return std::ranges::find(metrics, name, &Metric::name)->description;
  };
  EXPECT_EQ(description_of("train_accuracy"),
            "accuracy on the training batches since the previous row");
  const std::string evaluation = description_of("icl_loss");
  config.data.layout = config::Layout::interleaved;
  config.train.loss_at = config::LossAt::every;
  EXPECT_EQ(description_of("train_accuracy"),
            "accuracy on the training batches since the previous row, over every item or symbol of "
            "their sequences");
  EXPECT_EQ(description_of("train_loss"),
            "mean logistic loss of the training batches since the previous row (row 0: first "
            "batch), over every item or symbol of their sequences");
  EXPECT_EQ(description_of("icl_loss"), evaluation);
}

// Losses and accuracies are there always; of the probes, those of probe.record.
TEST_F(MetricsTest, AreThoseOfTheProbesThatARunRecords) {
  const std::set<std::string> scores{"train_loss",   "train_accuracy", "icl_loss",
                                     "icl_accuracy", "iwl_loss",       "iwl_accuracy"};
  for (const config::ProbeRow& row : config::probe_rows()) {
    if (!config::has_probe(config::System::one_layer, row.probe)) continue;
    config::Config config = of("one_layer");
    config.probe.record = std::string(row.name);
    std::set<std::string> expected = scores;
    for (const probe::Column& column : probe::probe_of(row.probe).columns) {
      const std::string name(column.name);
      if (column.each == probe::Each::parameter) {
        expected.insert({name + ".w", name + ".mlp.0.bias"});
      } else {
        expected.insert(name);
      }
    }
    EXPECT_GT(expected.size(), scores.size()) << row.name;
    std::set<std::string> names;
    for (const Metric& metric : all(config)) names.insert(metric.name);
    EXPECT_EQ(names, expected) << row.name;
  }
  config::Config config = of("one_layer");
  config.probe.sequences = 0;
  EXPECT_EQ(all(config).size(), scores.size());
}

TEST_F(MetricsTest, AreThoseThatTheSystemHas) {
  const auto read = [&](const config::Config& config) {
    return MetricsTest::read(config, empty(config));
  };
  EXPECT_THAT(read(of("one_layer")), Contains(Key("identity_alignment")));
  const auto minimal = read(of("minimal"));
  EXPECT_THAT(minimal, Contains(Key("effective_beta")));
  EXPECT_THAT(minimal, Not(Contains(Key("identity_alignment"))));
  const auto memoriser = read(of("memoriser"));
  EXPECT_THAT(memoriser, Contains(Key("c1")));
  EXPECT_THAT(memoriser, Contains(Key("norm.w")));
  EXPECT_THAT(memoriser, Not(Contains(Key("effective_beta"))));
  EXPECT_THAT(memoriser, Not(Contains(Key("uniform_icl_loss"))));
}

}  // namespace
}  // namespace icl::train
