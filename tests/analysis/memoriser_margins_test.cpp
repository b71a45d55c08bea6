#include "icl/analysis/memoriser_margins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "icl/config/toml.hpp"
#include "support/runs.hpp"

namespace icl::analysis {
namespace {

using test::tiny_config;
using test::train_record;

double c1_of(const std::vector<double>& margins) {
  double sum = 0;
  for (const double phi : margins) sum += 1 / (1 + std::exp(phi));
  return sum / static_cast<double>(margins.size());
}

class MemoriserMargins : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Systems, MemoriserMargins,
                         testing::Values("one_layer", "multi_layer", "minimal", "memoriser"));

TEST_P(MemoriserMargins, GiveTheC1ThatTheRunRecorded) {
  config::Config config = tiny_config();
  config.model.system = config::choice_of<config::System>(GetParam()).value();
  config.train.learning_rate = 0.5;
  config.probe.sequences = 20;
  const run::RunRecord run = train_record(config);
  const auto c1 = run::column(run, "c1");
  ASSERT_EQ(c1.size(), run.metric_steps.size());
  for (std::size_t row = 0; row < c1.size(); ++row) {
    const auto margins = memoriser_margins(run, run.metric_steps[row], 20, Workers(1));
    EXPECT_EQ(margins.size(), 20U);
    EXPECT_NEAR(c1_of(margins), c1[row], 1e-12) << "step " << run.metric_steps[row];
  }
  EXPECT_GT(std::abs(c1.back() - c1.front()), 1e-5);  // else any step would do
}

TEST(MemoriserMarginsOfARun, NeedNoProbesInTheRun) {
  config::Config config = tiny_config();
  const run::RunRecord bare = train_record(config);
  ASSERT_EQ(config.probe.sequences, 0);
  config.probe.sequences = 20;
  const run::RunRecord probed = train_record(config);
  EXPECT_EQ(memoriser_margins(bare, 33, 20, Workers(1)),
            memoriser_margins(probed, 33, 20, Workers(2)));
}

TEST(MemoriserMarginsOfARun, AreThoseOfASnapshotIfThereIsOne) {
  run::RunRecord run = train_record(tiny_config());
  ASSERT_EQ(run.snapshot_steps.back(), 60);
  const auto margins = memoriser_margins(run, 60, 20, Workers(1));
  run.origin.reset();
  run.config.train.learning_rate = 0;  // a replay would not come to the same
  EXPECT_EQ(memoriser_margins(run, 60, 20, Workers(1)), margins);
}

TEST(MemoriserMarginsOfARun, AreOfEachItemAtMostOnce) {
  EXPECT_EQ(memoriser_margins(train_record(tiny_config()), 60, 500, Workers(1)).size(), 24U);
}

TEST(MemoriserMarginsOfARun, AreOfStepsThatItMade) {
  const run::RunRecord run = train_record(tiny_config(), 25);
  EXPECT_NO_THROW((void)memoriser_margins(run, 25, 8, Workers(1)));
  for (const std::int64_t step : {-1, 26}) {
    EXPECT_THROW((void)memoriser_margins(run, step, 8, Workers(1)), Error);
  }
}

}  // namespace
}  // namespace icl::analysis
