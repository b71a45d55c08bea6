#include "icl/train/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <set>
#include <vector>

namespace icl::train {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LogSteps, OfFewSnapshots) {
  EXPECT_THAT(log_steps(0, 1000), IsEmpty());
  EXPECT_THAT(log_steps(1, 1000), ElementsAre(0));
  EXPECT_THAT(log_steps(2, 1000), ElementsAre(0, 1000));
  EXPECT_THAT(log_steps(3, 1000), ElementsAre(0, 1, 1000));
}

TEST(LogSteps, AreEvenInTheLogarithm) {
  EXPECT_THAT(log_steps(6, 10'000), ElementsAre(0, 1, 10, 100, 1000, 10'000));
  // 469000^(i/10), rounded.
  EXPECT_THAT(log_steps(12, 469'000),
              ElementsAre(0, 1, 4, 14, 50, 186, 685, 2528, 9329, 34'430, 127'074, 469'000));
}

TEST(LogSteps, OfAShortRunDoNotRepeat) {
  EXPECT_THAT(log_steps(12, 1), ElementsAre(0, 1));
  EXPECT_THAT(log_steps(12, 2), ElementsAre(0, 1, 2));
  EXPECT_THAT(log_steps(12, 5), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(LogSteps, RiseFromZeroToTheLast) {
  for (std::int64_t count = 2; count < 60; ++count) {
    for (const std::int64_t last : {1LL, 2LL, 7LL, 100LL, 469LL, 469'000LL, 4'294'967'295LL}) {
      const auto steps = log_steps(count, last);
      EXPECT_LE(static_cast<std::int64_t>(steps.size()), count);
      EXPECT_EQ(steps.front(), 0);
      EXPECT_EQ(steps.back(), last);
      EXPECT_TRUE(std::ranges::is_sorted(steps, std::less_equal<>()))  // strictly rising
          << count << ", " << last;
    }
  }
}

TEST(LogSteps, OfALongRunAreAsManyAsWereAskedFor) {
  EXPECT_EQ(log_steps(12, 469'000).size(), 12U);
  EXPECT_EQ(log_steps(20, 4'294'967'295).size(), 20U);
}

// --- What is due ---

std::set<std::int64_t> by_brute_force(std::int64_t every, const std::vector<std::int64_t>& listed,
                                      std::int64_t last) {
  std::set<std::int64_t> due(listed.begin(), listed.end());
  for (std::int64_t step = 0; every > 0 && step <= last; step += every) due.insert(step);
  return due;
}

/// Expects a schedule to hold just the steps of `due`, up to `last`.
void expect_to_be(const Schedule& schedule, const std::set<std::int64_t>& due, std::int64_t last) {
  std::int64_t before = 0;
  std::int64_t count = 0;
  for (std::int64_t step = 0; step <= last; ++step) {
    if (step > 0) {
      EXPECT_EQ(schedule.last_before(step), before) << step;
    }
    EXPECT_EQ(schedule.holds(step), due.contains(step)) << step;
    if (due.contains(step)) {
      before = step;
      ++count;
    }
    EXPECT_EQ(schedule.count(step), count) << step;
    const auto next = due.upper_bound(step);
    if (next != due.end()) {
      EXPECT_EQ(schedule.next_after(step), *next) << step;
    } else {
      EXPECT_GT(schedule.next_after(step).value_or(last + 1), last) << step;
    }
  }
}

TEST(Schedule, HoldsMultiplesAndWhatIsListed) {
  const std::vector<std::vector<std::int64_t>> lists{{},           {0},           {5},
                                                     {0, 1, 2, 3}, {3, 6, 7, 40}, {0, 59, 60}};
  for (const auto& listed : lists) {
    for (const std::int64_t every : {0, 1, 2, 3, 7, 20, 60, 100}) {
      SCOPED_TRACE(testing::PrintToString(listed) + " and every " + std::to_string(every));
      expect_to_be(Schedule(every, listed), by_brute_force(every, listed, 60), 60);
    }
  }
}

TEST(Schedule, EndsWithWhatIsListedUnlessItRepeats) {
  EXPECT_FALSE(Schedule(0, {3, 5}).next_after(5));
  EXPECT_EQ(Schedule(4, {3, 5}).next_after(5), 8);
}

TEST(EvaluationSchedule, HoldsFirstAndLastStepAndWhatWasAskedFor) {
  for (const std::int64_t last : {1, 2, 7, 60, 100}) {
    for (const std::int64_t every : {0, 1, 4, 9, 1000}) {
      for (const std::int64_t points : {0, 1, 2, 5, 30}) {
        SCOPED_TRACE(testing::PrintToString(std::vector<std::int64_t>{last, every, points}));
        config::Config config;
        config.train.epochs = last;
        config.train.steps_per_epoch = 1;
        config.eval.every = every;
        config.eval.log_points = points;
        std::set<std::int64_t> due = by_brute_force(every, {0, last}, last);
        for (std::int64_t i = 0; i < points; ++i) {  // last^0 = 1 first, last^1 = last in the end
          const double share =
              points == 1 ? 1.0 : static_cast<double>(i) / static_cast<double>(points - 1);
          due.insert(std::llround(std::pow(static_cast<double>(last), share)));
        }
        expect_to_be(evaluation_schedule(config), due, last);
      }
    }
  }
}

TEST(EvaluationSchedule, IsEveryEpochUnlessToldOtherwise) {
  config::Config config;
  config.train.epochs = 5;
  config.train.steps_per_epoch = 6;
  EXPECT_EQ(last_step(config), 30);
  expect_to_be(evaluation_schedule(config), {0, 6, 12, 18, 24, 30}, 30);
  config.eval.every = 0;
  expect_to_be(evaluation_schedule(config), {0, 30}, 30);
}

TEST(SnapshotSchedule, HoldsLogarithmicAndEquidistantOnes) {
  config::Config config;
  config.train.epochs = 10;
  config.train.steps_per_epoch = 10;
  config.record.snapshots = 4;
  expect_to_be(snapshot_schedule(config), {0, 1, 10, 100}, 100);
  config.record.snapshot_every = 30;
  expect_to_be(snapshot_schedule(config), {0, 1, 10, 30, 60, 90, 100}, 100);
  config.record.snapshots = 0;
  expect_to_be(snapshot_schedule(config), {0, 30, 60, 90}, 100);
  config.record.snapshot_every.reset();
  expect_to_be(snapshot_schedule(config), {}, 100);
  config.record.snapshot_steps = "40:60:10, 7, 100";
  expect_to_be(snapshot_schedule(config), {7, 40, 50, 100}, 100);
  config.record.snapshots = 4;
  config.record.snapshot_every = 50;
  expect_to_be(snapshot_schedule(config), {0, 1, 7, 10, 40, 50, 100}, 100);
}

TEST(RateShare, RisesInALineAndGoesOnAsItsScheduleSays) {
  config::Config config;
  config.train.epochs = 10;
  config.train.steps_per_epoch = 10;
  for (const std::int64_t warmup : {0, 1, 20, 100}) {
    for (const auto schedule : {config::RateSchedule::constant, config::RateSchedule::cosine,
                                config::RateSchedule::triangle}) {
      config.train.warmup = warmup;
      config.train.schedule = schedule;
      for (std::int64_t step = 0; step < 100; ++step) {
        const double p = static_cast<double>(step - warmup) / static_cast<double>(100 - warmup);
        double expected = 1;
        if (step < warmup) {
          expected = static_cast<double>(step + 1) / static_cast<double>(warmup);
        } else if (schedule == config::RateSchedule::cosine) {
          expected = (1 + std::cos(std::numbers::pi * p)) / 2;
        } else if (schedule == config::RateSchedule::triangle) {
          expected = 1 - p;
        }
        EXPECT_NEAR(rate_share(config, step), expected, 1e-15) << warmup << ' ' << step;
        EXPECT_GT(rate_share(config, step), 0);
      }
    }
  }
}

// Powers that a C library computes an ulp otherwise are rounded to the same step.
TEST(LogSteps, DoNotDependOnTheLastBitsOfAPower) {
  for (const std::int64_t last : {40, 400, 2000, 4000, 46900, 93800, 469000, 938000, 9380000}) {
    for (std::int64_t count = 3; count <= 201; ++count) {
      for (std::int64_t i = 1; i + 1 < count; ++i) {
        const double share = static_cast<double>(i - 1) / static_cast<double>(count - 2);
        const double power = std::pow(static_cast<double>(last), share);
        const double from_half = std::abs(power - std::floor(power) - 0.5);
        ASSERT_GT(from_half, 1000 * 0x1p-52 * power) << last << ' ' << count << ' ' << i;
      }
    }
  }
}

}  // namespace
}  // namespace icl::train
