#include "icl/sweep/forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace icl::sweep {
namespace {

double end_of(const std::vector<double>& seconds, std::size_t workers) {
  return makespan(seconds, workers);
}

TEST(Makespan, OfNoRunsIsZero) { EXPECT_EQ(end_of({}, 3), 0); }

TEST(Makespan, OfOneWorkerIsTheSum) { EXPECT_EQ(end_of({4, 1, 2, 8}, 1), 15); }

TEST(Makespan, OfMoreWorkersThanRunsIsTheLongestRun) {
  EXPECT_EQ(end_of({4, 1, 8, 2}, 4), 8);
  EXPECT_EQ(end_of({4, 1, 8, 2}, 100), 8);
}

TEST(Makespan, ARunStartsWhenTheFirstWorkerIsFree) {
  // Workers end at 3, 3; then one at 6.
  EXPECT_EQ(end_of({3, 3, 3}, 2), 6);
  // 4 | 3, then 2 on the second until 5, then 1 on the first until 5.
  EXPECT_EQ(end_of({4, 3, 2, 1}, 2), 5);
  // 1 | 2, then 3 on the first until 4, then 4 on the second until 6.
  EXPECT_EQ(end_of({1, 2, 3, 4}, 2), 6);
  // 5 | 1 | 1, then 1 on the second until 2 and 1 on the third until 2, then 2 until 4.
  EXPECT_EQ(end_of({5, 1, 1, 1, 1, 2}, 3), 5);
}

TEST(Makespan, KeepsTheOrderGiven) {
  EXPECT_EQ(end_of({6, 1, 1, 1, 1, 1, 1}, 2), 6);
  EXPECT_EQ(end_of({1, 1, 1, 1, 1, 1, 6}, 2), 9);
}

TEST(Makespan, LiesWithinItsBounds) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> seconds(1 + random() % 40);
    for (double& s : seconds) s = static_cast<double>(1 + random() % 1000);  // sums are exact
    const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    const double longest = *std::ranges::max_element(seconds);
    for (const std::size_t workers : {1U, 2U, 3U, 7U, 64U}) {
      const double end = end_of(seconds, workers);
      EXPECT_GE(end, longest);
      EXPECT_GE(end * static_cast<double>(workers), sum);
      EXPECT_LE((end - longest) * static_cast<double>(workers), sum);
    }
  }
}

}  // namespace
}  // namespace icl::sweep
