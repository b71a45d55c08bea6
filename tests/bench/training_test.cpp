#include "icl/bench/training.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "support/runs.hpp"

namespace icl::bench {
namespace {

class TrainingSpeedTest : public testing::TestWithParam<int> {};

TEST_P(TrainingSpeedTest, AccountsForAllOfTheTime) {
  config::Config config = test::tiny_config();
  config.train.epochs = 1000000;
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "icl-bench-test";
  std::filesystem::create_directories(folder);
  const TrainingSpeed speed = measure_training(
      config, {.threads = GetParam(), .seconds = 0.2, .measure_peak = false, .folder = folder});
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(speed.threads, GetParam());
  EXPECT_GE(speed.seconds, 0.2);
  EXPECT_GT(speed.steps, 10);
  // An evaluation every ten steps.
  EXPECT_NEAR(static_cast<double>(speed.evaluations), static_cast<double>(speed.steps) / 10, 1.5);
  EXPECT_LE(speed.step_seconds.low, speed.step_seconds.median);
  EXPECT_LE(speed.step_seconds.median, speed.step_seconds.high);
  double shares = speed.waiting / (speed.threads * speed.seconds);
  EXPECT_GE(shares, 0);
  double outside = 0;
  for (std::size_t p = 0; p < phase_count; ++p) {
    const auto phase = static_cast<Phase>(p);
    EXPECT_GT(speed.phases[phase], 0) << phase_names[p];
    shares += speed.share(phase);
    if (phase == Phase::evaluation || phase == Phase::recording) outside += speed.share(phase);
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_LT(outside, 1);
  // Forward, and backward to input and weight: 2 x 3 operations a weight and sequence.
  EXPECT_EQ(speed.flop, 6 * 8 * (11 * 16 + 16 * 16 + 16));
  EXPECT_EQ(speed.peak, 0);
  EXPECT_EQ(speed.share_of_peak(), 0);
}
INSTANTIATE_TEST_SUITE_P(OneAndTwoThreads, TrainingSpeedTest, testing::Values(1, 2));

TEST(TrainingSpeed, OfARunThatDivergesIsAnError) {
  config::Config config = test::tiny_config();
  config.train.learning_rate = 1e30;
  EXPECT_THROW((void)measure_training(config, {.folder = testing::TempDir()}), Error);
}

}  // namespace
}  // namespace icl::bench
