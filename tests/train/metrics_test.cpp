#include "icl/train/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "icl/config/probe_set.hpp"
#include "icl/probe/columns.hpp"

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
  Evaluation evaluation;
  evaluation.step = 7;
  evaluation.train = {0.1, 0.2};
  evaluation.icl = {0.3, 0.4};
  evaluation.iwl = {0.5, 0.6};
  evaluation.equal = {0.7, 0.8};
  evaluation.I_K = 0.9;
  evaluation.probes.c1 = 1.5;
  evaluation.probes.copy_icl.accuracy = 1.25;
  evaluation.norms = {{1, 2, 3}, {4, 5, 6}};
  config::Config config = of("one_layer");
  config.data.labels = config::LabelRule::equal_context;
  EXPECT_THAT(read(config, evaluation),
              IsSupersetOf(std::map<std::string, double>{{"train_loss", 0.1},
                                                         {"train_accuracy", 0.2},
                                                         {"icl_loss", 0.3},
                                                         {"icl_accuracy", 0.4},
                                                         {"iwl_loss", 0.5},
                                                         {"iwl_accuracy", 0.6},
                                                         {"icl_equal_loss", 0.7},
                                                         {"icl_equal_accuracy", 0.8},
                                                         {"I_K", 0.9},
                                                         {"c1", 1.5},
                                                         {"clamped_icl_accuracy", 1.25},
                                                         {"norm.w", 1},
                                                         {"gradient_norm.w", 2},
                                                         {"update_norm.w", 3},
                                                         {"norm.mlp.0.bias", 4},
                                                         {"gradient_norm.mlp.0.bias", 5},
                                                         {"update_norm.mlp.0.bias", 6}}));
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

// Losses and accuracies are there always; of the probes, those of probe.record.
TEST_F(MetricsTest, AreThoseOfTheProbesThatARunRecords) {
  const std::set<std::string> scores{"train_loss",   "train_accuracy", "icl_loss",
                                     "icl_accuracy", "iwl_loss",       "iwl_accuracy"};
  for (const config::ProbeRow& row : config::probe_rows()) {
    config::Config config = of("one_layer");
    config.probe.record = std::string(row.name);
    std::set<std::string> expected = scores;
    for (const probe::Column& column : probe::columns()) {
      if (column.probe == row.probe) expected.insert(std::string(column.name));
    }
    if (row.probe == config::ProbeName::memorisation) expected.insert("I_K");
    if (row.probe == config::ProbeName::norms) {
      for (const char* what : {"norm.", "gradient_norm.", "update_norm."}) {
        expected.insert(std::string(what) + "w");
        expected.insert(std::string(what) + "mlp.0.bias");
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
  Evaluation evaluation;
  evaluation.norms.resize(2);
  EXPECT_THAT(read(of("one_layer"), evaluation), Contains(Key("identity_alignment")));
  const auto minimal = read(of("minimal"), evaluation);
  EXPECT_THAT(minimal, Contains(Key("effective_beta")));
  EXPECT_THAT(minimal, Not(Contains(Key("identity_alignment"))));
  const auto memoriser = read(of("memoriser"), evaluation);
  EXPECT_THAT(memoriser, Contains(Key("c1")));
  EXPECT_THAT(memoriser, Contains(Key("norm.w")));
  EXPECT_THAT(memoriser, Not(Contains(Key("effective_beta"))));
  EXPECT_THAT(memoriser, Not(Contains(Key("uniform_icl_loss"))));
}

}  // namespace
}  // namespace icl::train
