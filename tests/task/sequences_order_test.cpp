#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/statistics.hpp"
#include "icl/task/sequences.hpp"

namespace icl::task {
namespace {

using Items = std::vector<std::int32_t>;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

Items random_order(std::int64_t seed, std::uint64_t epoch, std::int32_t size) {
  Items order;
  for (std::int32_t i = 0; i < size; ++i) order.push_back(in_random_order(seed, epoch, i, size));
  return order;
}

TEST(InRandomOrder, IsAPermutation) {
  for (const auto& [size, epoch] :
       {std::pair{1, 0U}, std::pair{7, 0U}, std::pair{257, 3U}, std::pair{65535, 0U},
        std::pair{60000, 0U}, std::pair{60000, 1U}, std::pair{60000, 1000U}}) {
    Items order = random_order(5, epoch, size);
    std::ranges::sort(order);
    for (std::int32_t i = 0; i < size; ++i) ASSERT_EQ(order[at(i)], i) << size << ", " << epoch;
  }
}

// Two random orders agree at about one place: at 15 or more of them with probability 3e-13.
TEST(InRandomOrder, DiffersBetweenEpochsAndSeeds) {
  const Items order = random_order(5, 3, 60000);
  Items sorted = order;
  std::ranges::sort(sorted);
  for (const Items& other :
       {random_order(5, 4, 60000), random_order(6, 3, 60000), random_order(3, 5, 60000), sorted}) {
    std::int64_t equal = 0;
    for (std::size_t i = 0; i < order.size(); ++i) equal += order[i] == other[i] ? 1 : 0;
    EXPECT_LT(equal, 15);
  }
  EXPECT_EQ(random_order(5, 3, 60000), order);
}

// Where a tenth of the numbers goes: a 10 x 10 table with fixed margins, of 81 degrees of freedom.
// A number is less than its predecessor (n - 1) / 2 times, with variance (n + 1) / 12.
TEST(InRandomOrder, IsRandom) {
  constexpr double n = 60000;
  for (const std::uint64_t epoch : {0U, 1U}) {
    const Items order = random_order(7, epoch, 60000);
    std::vector<double> counts(100);
    double descents = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      ++counts[i / 6000 * 10 + at(order[i]) / 6000];
      if (i > 0 && order[i] < order[i - 1]) ++descents;
    }
    double x = 0;
    for (const double count : counts) x += (count - n / 100) * (count - n / 100) / (n / 100);
    EXPECT_GT(test::chi_square_p(x, 81), test::rare);
    EXPECT_GT(test::normal_p((descents - (n - 1) / 2) / std::sqrt((n + 1) / 12)), test::rare);
  }
}

// Over seeds, the eighths that the first two numbers fall into are any pair equally often (but for
// 1e-5 of them, since the two are never equal).
TEST(InRandomOrder, PutsNumbersAnywhere) {
  std::vector<double> counts(64);
  for (std::int64_t seed = 0; seed < 20'000; ++seed) {
    const std::int32_t first = in_random_order(seed, 2, 0, 60000);
    const std::int32_t second = in_random_order(seed, 2, 1, 60000);
    ++counts[8 * at(first / 7500) + at(second / 7500)];
  }
  EXPECT_GT(test::uniform_p(counts), test::rare);
}

}  // namespace
}  // namespace icl::task
