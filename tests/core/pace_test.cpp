#include "icl/core/pace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace icl {
namespace {

using Cost = std::function<double(int threads)>;

/// Seconds that steps took in all, and the share of them that was not made with `threads`.
struct Course {
  double seconds = 0;
  double elsewhere = 0;
};

/// Makes steps of that cost for so many seconds.
Course run(Pace& pace, double seconds, const Cost& cost, int threads) {
  Course course;
  while (course.seconds < seconds) {
    const int used = pace.threads();
    const double step = cost(used);
    pace.stepped(step);
    course.seconds += step;
    if (used != threads) course.elsewhere += step;
  }
  course.elsewhere /= course.seconds;
  return course;
}

double ideal(int threads) { return 1.4e-3 / threads; }

TEST(Pace, UsesAllThreadsWhereTheyPay) {
  for (const int threads : {1, 2, 3, 16, 64}) {
    Pace pace(threads);
    EXPECT_EQ(pace.threads(), threads);
    run(pace, 3, ideal, threads);
    EXPECT_EQ(pace.chosen(), threads);
    EXPECT_LT(run(pace, 60, ideal, threads).elsewhere, 0.03) << threads;
  }
}

TEST(Pace, LooksAtEachNumberBeforeItSettles) {
  Pace pace(16);
  std::set<int> seen;
  for (int i = 0; i < 2000; ++i) {
    seen.insert(pace.threads());
    pace.stepped(1e-3);
  }
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 4, 8, 16));
}

TEST(Pace, FindsTheNumberThatIsFastest) {
  const auto best_at_four = [](int n) { return 1e-3 / n + 6e-5 * n; };
  Pace pace(16);
  run(pace, 2, best_at_four, 4);
  EXPECT_EQ(pace.chosen(), 4);
}

TEST(Pace, OfNumbersThatAreEquallyFastKeepsTheLargest) {
  Pace pace(4);
  run(
      pace, 20, [](int) { return 1e-3; }, 4);
  EXPECT_EQ(pace.chosen(), 4);
}

TEST(Pace, FollowsNeighboursThatComeAndGo) {
  const auto crowded = [](int n) { return n == 1 ? 1.5e-3 : 28e-3; };
  Pace pace(2);
  run(pace, 3, ideal, 2);
  EXPECT_EQ(pace.chosen(), 2);
  run(pace, 3, crowded, 1);  // noticed at once
  EXPECT_EQ(pace.chosen(), 1);
  const Course beside = run(pace, 200, crowded, 1);
  EXPECT_LT(beside.elsewhere, 0.03);
  run(pace, 25, ideal, 2);
  EXPECT_EQ(pace.chosen(), 2);
}

TEST(Pace, SpendsAHundredthOnLongStepsToo) {
  const auto long_steps = [](int n) { return n == 1 ? 0.45 : 0.25; };
  Pace pace(2);
  run(pace, 20, long_steps, 2);
  EXPECT_LT(run(pace, 2000, long_steps, 2).elsewhere, 0.03);
}

}  // namespace
}  // namespace icl
