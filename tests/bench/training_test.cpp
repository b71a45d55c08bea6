#include "icl/bench/training.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>

#include "support/runs.hpp"

namespace icl::bench {
namespace {

const std::atomic<bool> go_on{false};

/// An empty folder for a test.
std::filesystem::path empty_folder(const char* name) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(TrainingSpeed, CountsEveryStepAndEvaluationBehindTheWarmUp) {
  const config::Config config = test::tiny_config();  // 60 steps, an evaluation every ten
  const auto folder = empty_folder("icl-bench-count");
  const auto begin = Clock::now();
  const TrainingSpeed speed = measure_training(
      config, {.threads = 1, .seconds = 60, .measure_peak = false, .folder = folder}, go_on);
  const std::chrono::duration<double> all = Clock::now() - begin;
  EXPECT_EQ(speed.steps, 50);
  EXPECT_EQ(speed.evaluations, 5);
  EXPECT_LT(speed.seconds, all.count());
  EXPECT_LE(0.7 * 50 * speed.step_seconds.low, speed.seconds);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  // Forward, and backward to input and weight: 2 x 3 operations a weight and sequence.
  EXPECT_EQ(speed.flop, 6 * 8 * (11 * 16 + 16 * 16 + 16));
  EXPECT_EQ(speed.peak, 0);
  EXPECT_EQ(speed.share_of_peak(), 0);
}

TEST(TrainingSpeed, CountsTheLoopsOfAStepThatThreadsShare) {
  config::Config config = test::tiny_config();
  config.train.epochs = 20;
  const auto speed_of = [&](int threads) {
    return measure_training(config,
                            {.threads = threads,
                             .seconds = 60,
                             .measure_peak = false,
                             .folder = empty_folder("icl-bench-loops")},
                            go_on);
  };
  EXPECT_EQ(speed_of(1).shared_loops, 0);
  const TrainingSpeed two = speed_of(2);
  constexpr std::int64_t most = 40;  // of a step; a step that is timed on one thread has none
  EXPECT_LT(two.shared_loops, most * two.steps);
  EXPECT_TRUE(two.shared_loops > 0 || two.threads_at_work == 1);
}

// On one thread almost nothing lies outside all phases, and each of them is met.
TEST(TrainingSpeed, FindsThePhaseOfNearlyAllTime) {
  config::Config config = test::tiny_config();
  config.model.hidden = 256;
  config.train.batch_size = 128;
  config.train.weight_decay_mlp = 1e-3;
  config.train.epochs = 1000000;
  config.train.steps_per_epoch = 2;  // an evaluation is due even on a busy machine
  const TrainingSpeed speed = measure_training(config,
                                               {.threads = 1,
                                                .seconds = 0.3,
                                                .measure_peak = false,
                                                .folder = empty_folder("icl-bench-time")},
                                               go_on);
  EXPECT_GE(speed.seconds, 0.3);
  EXPECT_GE(speed.waiting, 0);
  EXPECT_LT(speed.waiting, 0.3 * speed.seconds);
  double outside = 0;
  for (std::size_t p = 0; p < phase_count; ++p) {
    const auto phase = static_cast<Phase>(p);
    EXPECT_GT(speed.phases[phase], 0) << phase_names[p];
    if (phase == Phase::evaluation || phase == Phase::recording) outside += speed.phases[phase];
  }
  // Three quarters of the steps take at least the first quartile.
  EXPECT_LT(outside, speed.seconds);
  EXPECT_LE(0.7 * static_cast<double>(speed.steps) * speed.step_seconds.low,
            speed.seconds - outside);
  EXPECT_GT(speed.phases[Phase::mlp_gemm], speed.phases[Phase::sampling]);
}

TEST(TrainingSpeed, EndsWhenInterrupted) {
  config::Config config = test::tiny_config();
  config.train.epochs = 1000000;
  const std::atomic<bool> interrupted{true};
  const TrainingSpeed speed = measure_training(
      config, {.seconds = 1e6, .measure_peak = false, .folder = empty_folder("icl-bench-stop")},
      interrupted);
  EXPECT_EQ(speed.steps, 0);
}

TEST(TrainingSpeed, OfTooFewStepsOrOfARunThatDivergesIsAnError) {
  const auto code_of = [](const config::Config& config) {
    try {
      (void)measure_training(
          config, {.measure_peak = false, .folder = empty_folder("icl-bench-error")}, go_on);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::done;
  };
  config::Config config = test::tiny_config();
  config.train.learning_rate = 1e30;
  EXPECT_EQ(code_of(config), ExitCode::diverged);
  config = test::tiny_config();
  config.train.epochs = 1;
  EXPECT_EQ(code_of(config), ExitCode::usage);
  config.train.steps_per_epoch = 11;
  EXPECT_EQ(code_of(config), ExitCode::done);
}

}  // namespace
}  // namespace icl::bench
