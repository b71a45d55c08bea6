#include "icl/run/longer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "icl/config/toml.hpp"
#include "icl/run/replay.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

using test::tiny_config;
using test::train_record;

/// A run with snapshots at the same steps however long it is, and one planned longer.
struct Plan {
  explicit Plan(std::vector<std::string> settings) {
    settings.insert(settings.end(), {"record.snapshots=0", "record.snapshot_every=20"});
    config = config::with_overrides(tiny_config(), settings);
    longer = config;
    longer.train.epochs += 2;
  }
  config::Config config;
  config::Config longer;
};

TEST(PlanLonger, GoesOnFromTheLastSnapshotWhereItIsAWholeState) {
  for (const auto& settings : std::vector<std::vector<std::string>>{
           {}, {"train.optimizer=adam", "train.learning_rate=0.003", "record.optimizer=true"}}) {
    const Plan plan(settings);
    RunRecord run = train_record(plan.config);
    const train::State last = state_of_snapshot(run, 60);
    // To train again would begin at this snapshot, and would end elsewhere.
    const auto earlier = at_snapshot(run, run.snapshots[5], 40);
    run.snapshots[5][static_cast<std::size_t>(earlier.data() - run.snapshots[5].data())] += 1;
    plan_longer(run, plan.longer, "run.h5", Workers(1), {});
    EXPECT_EQ(run.state->parameters, last.parameters) << testing::PrintToString(settings);
    EXPECT_EQ(run.state->moments, last.moments) << testing::PrintToString(settings);
    EXPECT_EQ(run.state->progress.step, 60);
  }
}

TEST(PlanLonger, TrainsAgainWhereItIsNot) {
  const Plan plan({"train.optimizer=adam", "train.learning_rate=0.003"});
  RunRecord run = train_record(plan.config);
  const train::State last = state_at(run, 60, Workers(1));
  plan_longer(run, plan.longer, "run.h5", Workers(1), {});
  EXPECT_EQ(run.state->moments, last.moments);
  EXPECT_EQ(run.state->moments.updates, 60);
}

}  // namespace
}  // namespace icl::run
