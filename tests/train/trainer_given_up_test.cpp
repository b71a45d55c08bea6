#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "icl/core/clock.hpp"
#include "icl/train/trainer.hpp"
#include "train/diary.hpp"

/// Evaluations that are given up since the run is asked to stop: see Trainer::run.
namespace icl::train {
namespace {

/// Runs to the evaluation at `step`, which is asked to stop after a while.
struct GivenUp {
  GivenUp(const config::Config& config, std::int64_t step, Clock::duration after, int threads = 1)
      : trainer(config, Workers(threads)) {
    std::atomic<bool> stop{false};
    std::thread stopper;
    diary.on_evaluating = [&](const Progress& p) {
      if (p.step != step || stopper.joinable()) return;
      if (after == Clock::duration::zero()) stop = true;
      stopper = std::thread([&stop, after] {
        std::this_thread::sleep_for(after);
        stop = true;
      });
    };
    run(trainer, diary, stop);
    stopper.join();
  }
  [[nodiscard]] bool whole() const { return diary.due == Due::recorded; }

  Diary diary;
  Trainer trainer;
};

/// That the run, interrupted there at so many moments, goes on as if it had not been.
void expect_same_bits(const config::Config& config, std::int64_t step, int moments = 12) {
  SCOPED_TRACE(std::string(config::word(config.model.system)) + ", evaluation at step " +
               std::to_string(step));
  Clock::time_point began;
  Clock::duration length{};
  Diary measured;
  measured.on_evaluating = [&](const Progress& p) {
    if (p.step == step) began = Clock::now();
  };
  measured.on_evaluated = [&](const Progress& p) {
    if (p.step == step) length = Clock::now() - began;
  };
  Trainer whole(config, Workers(1));
  const Outcome outcome = run(whole, measured);

  int given_up = 0;
  for (int i = 0; i < moments; ++i) {
    const GivenUp first(config, step, length * i / moments, 1 + i % 2);
    if (!first.whole()) {
      ++given_up;
      EXPECT_EQ(first.diary.outcome, Outcome::interrupted);
      // On a busy machine it may be a later one.
      const std::int64_t at = first.diary.last.progress.step;
      EXPECT_GE(at, step);
      EXPECT_TRUE(first.diary.evaluations.empty() || first.diary.evaluations.back().step < at);
    }
    Trainer trainer(config, Workers(1));
    trainer.restore(first.diary.last, first.diary.due);
    Diary diary;
    if (first.diary.outcome == Outcome::interrupted) {
      EXPECT_EQ(run(trainer, diary), outcome);
      EXPECT_EQ(diary.last, measured.last);
    }
    auto evaluations = first.diary.evaluations;
    evaluations.insert(evaluations.end(), diary.evaluations.begin(), diary.evaluations.end());
    EXPECT_TRUE(equal(evaluations, measured.evaluations));
    auto snapshots = first.diary.snapshots;
    snapshots.insert(snapshots.end(), diary.snapshots.begin(), diary.snapshots.end());
    EXPECT_EQ(snapshots, measured.snapshots);
  }
  EXPECT_GE(given_up, 1);
}

config::Config long_evaluations() {
  config::Config config = small();
  config.record.snapshots = 3;
  config.eval.sequences = 3000;
  config.data.K = 400;
  config.probe.sequences = 400;
  config.probe.record = "memorisation effective attention margins alignment lesions norms";
  return config;
}

TEST(TrainerGivesUp, AtOnceIfItIsAskedTo) {
  const GivenUp run(long_evaluations(), 4, {});
  EXPECT_EQ(run.diary.outcome, Outcome::interrupted);
  EXPECT_EQ(run.diary.due, Due::open);
  EXPECT_EQ(run.diary.last.progress.step, 4);
  EXPECT_EQ(steps_of(run.diary), std::vector<std::int64_t>{0});
}

TEST(TrainerGivesUp, AnyEvaluationAndMakesItAnew) {
  for (const std::int64_t step : {0, 4, 12}) expect_same_bits(long_evaluations(), step);
  config::Config adam = long_evaluations();
  adam.train.optimizer = config::Optimizer::adam;
  expect_same_bits(adam, 8);
}

TEST(TrainerGivesUp, TheSearchForTheStepOfAcquisition) {
  config::Config config = toy(infinite);
  config.eval.refine = true;
  config.train.epochs = 2;
  config.train.steps_per_epoch = 500;
  const WholeRun whole(config);
  const auto acquired = whole.diary.last.progress.t_icl_step;
  ASSERT_TRUE(acquired && whole.diary.last.progress.t_icl_refined);
  expect_same_bits(config, *acquired, 4);
}

TEST(TrainerGivesUp, AgainAndAgain) {
  const config::Config config = long_evaluations();
  const GivenUp first(config, 4, {});
  Trainer trainer(config, Workers(1));
  trainer.restore(first.diary.last, Due::open);
  Diary diary;
  const std::atomic<bool> stop{true};
  EXPECT_EQ(run(trainer, diary, stop), Outcome::interrupted);
  EXPECT_EQ(diary.due, Due::open);
  EXPECT_EQ(diary.events, "end4");
  EXPECT_EQ(diary.last, first.diary.last);
}

}  // namespace
}  // namespace icl::train
