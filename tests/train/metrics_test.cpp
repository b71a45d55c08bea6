#include "icl/train/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

namespace icl::train {
namespace {

TEST(Score, OfNothingIsNan) {
  EXPECT_TRUE(std::isnan(Score{}.loss));
  EXPECT_TRUE(std::isnan(Score{}.accuracy));
}

TEST(Metrics, ReadWhatTheirNamesSay) {
  const Evaluation evaluation{7, {0.1, 0.2}, {0.3, 0.4}, {0.5, 0.6}};
  std::map<std::string, double> values;
  for (const Metric& metric : metrics()) {
    values[std::string(metric.name)] = metric.value(evaluation);
  }
  EXPECT_THAT(values, testing::IsSupersetOf(std::map<std::string, double>{{"train_loss", 0.1},
                                                                          {"train_accuracy", 0.2},
                                                                          {"icl_loss", 0.3},
                                                                          {"icl_accuracy", 0.4},
                                                                          {"iwl_loss", 0.5},
                                                                          {"iwl_accuracy", 0.6}}));
}

TEST(Metrics, AreDescribed) {
  std::set<std::string_view> names;
  for (const Metric& metric : metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name << " comes twice";
    EXPECT_FALSE(metric.long_name.empty()) << metric.name;
    EXPECT_FALSE(metric.units.empty()) << metric.name;
    EXPECT_THAT(std::string(metric.name), testing::MatchesRegex("[a-z][a-z0-9_]*"));
  }
}

}  // namespace
}  // namespace icl::train
