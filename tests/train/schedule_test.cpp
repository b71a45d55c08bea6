#include "icl/train/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace icl::train {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SnapshotSteps, OfFewSnapshots) {
  EXPECT_THAT(snapshot_steps(0, 1000), IsEmpty());
  EXPECT_THAT(snapshot_steps(1, 1000), ElementsAre(0));
  EXPECT_THAT(snapshot_steps(2, 1000), ElementsAre(0, 1000));
  EXPECT_THAT(snapshot_steps(3, 1000), ElementsAre(0, 1, 1000));
}

TEST(SnapshotSteps, AreEvenInTheLogarithm) {
  EXPECT_THAT(snapshot_steps(6, 10'000), ElementsAre(0, 1, 10, 100, 1000, 10'000));
  // 469000^(i/10), rounded.
  EXPECT_THAT(snapshot_steps(12, 469'000),
              ElementsAre(0, 1, 4, 14, 50, 186, 685, 2528, 9329, 34'430, 127'074, 469'000));
}

TEST(SnapshotSteps, OfAShortRunDoNotRepeat) {
  EXPECT_THAT(snapshot_steps(12, 1), ElementsAre(0, 1));
  EXPECT_THAT(snapshot_steps(12, 2), ElementsAre(0, 1, 2));
  EXPECT_THAT(snapshot_steps(12, 5), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(SnapshotSteps, RiseFromZeroToTheLast) {
  for (std::int64_t count = 2; count < 60; ++count) {
    for (const std::int64_t last : {1LL, 2LL, 7LL, 100LL, 469LL, 469'000LL, 4'294'967'295LL}) {
      const auto steps = snapshot_steps(count, last);
      EXPECT_LE(static_cast<std::int64_t>(steps.size()), count);
      EXPECT_EQ(steps.front(), 0);
      EXPECT_EQ(steps.back(), last);
      EXPECT_TRUE(std::ranges::is_sorted(steps, std::less_equal<>()))  // strictly rising
          << count << ", " << last;
    }
  }
}

TEST(SnapshotSteps, OfALongRunAreAsManyAsWereAskedFor) {
  EXPECT_EQ(snapshot_steps(12, 469'000).size(), 12U);
  EXPECT_EQ(snapshot_steps(20, 4'294'967'295).size(), 20U);
}

}  // namespace
}  // namespace icl::train
