#include "icl/run/weights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "icl/config/toml.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/replay.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

using test::expect_error;
using test::tiny_config;
using test::train_record;
using Steps = std::vector<std::int64_t>;

config::Config tiny_with(const std::vector<std::string>& settings) {
  return config::with_overrides(tiny_config(), settings);
}

/// What a run holds that takes a snapshot after every step.
Weights of_every_step(config::Config config) {
  config.record.snapshot_every = 1;
  const RunRecord run = train_record(config);
  return {run.snapshot_steps, run.snapshots, run.snapshot_moments, run.activations};
}

/// Of series with a first axis of steps, those of the steps found.
void expect_same_series(const std::vector<std::vector<Real>>& found, const Steps& steps,
                        const std::vector<std::vector<Real>>& every, std::size_t count,
                        const std::string& trace) {
  ASSERT_EQ(found.size(), every.size()) << trace;
  for (std::size_t i = 0; i < every.size(); ++i) {
    const std::size_t size = every[i].size() / count;
    ASSERT_EQ(found[i].size(), size * steps.size()) << trace;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const auto expected =
          std::span(every[i]).subspan(static_cast<std::size_t>(steps[s]) * size, size);
      EXPECT_TRUE(std::ranges::equal(std::span(found[i]).subspan(s * size, size), expected))
          << trace << ", series " << i << ", step " << steps[s];
    }
  }
}

void expect_same(const Weights& found, const Weights& every, const std::string& trace) {
  const std::size_t count = every.steps.size();
  expect_same_series(found.values, found.steps, every.values, count, trace);
  expect_same_series(found.activations, found.steps, every.activations, count, trace + " acts");
  ASSERT_EQ(found.moments.size(), every.moments.empty() ? 0 : found.steps.size()) << trace;
  for (std::size_t s = 0; s < found.moments.size(); ++s) {
    const auto step = static_cast<std::size_t>(found.steps[s]);
    EXPECT_EQ(found.moments[s], every.moments[step]) << trace << ", step " << step;
  }
}

/// What is computed and kept when nothing but parameters is asked for.
void expect_parameters_alone(const RunRecord& run, const Steps& steps, const Weights& every,
                             const std::string& trace) {
  const Weights found = weights_at(run, steps, Wanted::parameters, Workers(1));
  expect_same_series(found.values, steps, every.values, every.steps.size(), trace);
  EXPECT_TRUE(found.moments.empty()) << trace;
  EXPECT_TRUE(found.activations.empty()) << trace;
}

TEST(WeightsAt, AreThoseOfARunThatTakesSnapshotsThere) {
  for (const auto& settings : std::vector<std::vector<std::string>>{
           {},
           {"model.system=minimal", "data.K=inf"},
           {"model.system=memoriser"},
           {"model.system=multi_layer", "probe.sequences=6"},
           {"model.system=scalar_beta", "data.noise=0.5"},
           {"train.optimizer=adam", "train.learning_rate=0.003"},
           {"train.optimizer=adam", "record.optimizer=true", "record.snapshot_steps=15,31"},
           {"record.activations=logit,attention", "record.probe_set=6"},
           {"eval.every=7", "record.snapshots=0", "record.snapshot_every=9"},
           {"record.snapshots=0", "eval.refine=true"},
           {"intervene.freeze=memoriser@:25", "intervene.clamp=copy@12:31"}}) {
    const config::Config config = tiny_with(settings);
    const Weights every = of_every_step(config);
    const RunRecord run = train_record(config);
    const std::string trace = testing::PrintToString(settings);
    for (const Steps& steps :
         {Steps{0, 1, 2, 3, 59, 60}, Steps{5, 11, 12, 47}, Steps{60}, every.steps}) {
      expect_same(weights_at(run, steps, Wanted::snapshots, Workers(1)), every, trace);
      expect_parameters_alone(run, steps, every, trace);
    }
    // A run that was cut, in one step and between two evaluations, knows its weights as far.
    const RunRecord cut = train_record(config, 37);
    const Steps steps{4, 33, 36, 37};
    expect_same(weights_at(cut, steps, Wanted::snapshots, Workers(2)), every, trace);
  }
}

TEST(WeightsAt, GoOnFromWhereABranchBegan) {
  const RunRecord parent = train_record(tiny_config());
  config::Config config = tiny_with({"seed.data=5"});
  train::Trainer trainer(config, Workers(1));
  RunRecord branch = new_record(config, trainer.readable_parameters());
  branch.origin = Origin{run_hash(parent), state_at(parent, 25, Workers(1))};
  trainer.restore(branch.origin->state, train::Due::open);
  RecordBuilder builder(branch);
  const std::array<train::Observer*, 1> observers{&builder};
  const std::atomic<bool> never{false};
  static_cast<void>(trainer.run(observers, never));
  train::Trainer again(config, Workers(1));
  again.restore(branch.origin->state, train::Due::recorded);
  ASSERT_TRUE(again.replay(42));
  const Weights found = weights_at(builder.record(), Steps{25, 42}, Wanted::parameters, Workers(1));
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    const auto expected = again.readable_parameters()[i]->value.values();
    EXPECT_TRUE(std::ranges::equal(std::span(found.values[i]).last(expected.size()), expected));
  }
}

TEST(NeedsTraining, OnlyWhereThereIsNoSnapshot) {
  const RunRecord run = train_record(tiny_config());
  EXPECT_FALSE(needs_training(run, run.snapshot_steps));
  EXPECT_FALSE(needs_training(run, Steps{}));
  EXPECT_TRUE(needs_training(run, Steps{0, 33, 60}));
}

/// What is in the record between two snapshots holds the training to it: each of them is found out.
TEST(WeightsAt, AreRefusedWhereTheRecordIsAnother) {
  const RunRecord run = train_record(tiny_with({"record.snapshots=4"}));
  ASSERT_THAT(run.snapshot_steps, testing::ElementsAre(0, 1, 8, 60));
  const auto expect_refused = [](const RunRecord& changed, const Steps& steps,
                                 const std::string& part) {
    expect_error(ExitCode::check_failed, part, [&] {
      static_cast<void>(weights_at(changed, steps, Wanted::parameters, Workers(1)));
    });
  };
  const auto next = [](auto x) { return std::nextafter(x, decltype(x){2}); };
  for (std::size_t column = 0; column < run.columns.size(); ++column) {
    const std::string& name = run.columns[column].name;
    if (name != "train_loss" && name != "train_accuracy") continue;
    RunRecord changed = run;
    changed.metrics[column][2] = next(changed.metrics[column][2]);
    const std::string part = "step 20: training again differs from the record: /metrics/" + name;
    expect_refused(changed, {25}, part);
    // The last step that is asked for is held as well.
    expect_refused(changed, {15}, part);
    // A training that does not come that way does not meet it.
    EXPECT_NO_THROW(
        static_cast<void>(weights_at(changed, Steps{3}, Wanted::parameters, Workers(1))));
  }
  // The sums since the evaluation before a snapshot are not known: the next evaluation holds.
  RunRecord changed = run;
  changed.snapshots[2][5 + 2 * changed.snapshots[2].size() / 4] += 1e-3F;
  expect_refused(changed, {9}, "step 20: training again differs");
  expect_refused(changed, {5}, "step 8: training again differs from the record: /snapshots/");
  RunRecord cut = train_record(tiny_config(), 37);
  cut.state->parameters[0][0] = next(cut.state->parameters[0][0]);
  expect_refused(cut, {36}, "step 37: training again differs from the record: /state/");
}

}  // namespace
}  // namespace icl::run
