#include "icl/task/items.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <vector>

#include "core/statistics.hpp"

namespace icl::task {
namespace {

std::vector<float> item(const ItemSource& source, std::uint64_t step, std::uint64_t index,
                        std::size_t dimension) {
  std::vector<float> x(dimension);
  source.draw(step, index, x);
  return x;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// With x ~ N(0, I/D), entries times sqrt(D) are standard normal: the mean of n of them has variance
// 1/n, the mean square 2/n, the mean fourth power (which is 3) 96/n.
TEST(ItemSource, DrawsFromTheNormalLawOfVarianceOneOverD) {
  for (const std::size_t dimension : {1U, 8U, 63U, 64U, 65U}) {
    const ItemSource source(5, Purpose::training_items);
    double m1 = 0, m2 = 0, m4 = 0, n = 0;
    for (std::uint64_t k = 0; k < 200'000 / dimension; ++k) {
      for (const float entry : item(source, 0, k, dimension)) {
        const double z = entry * std::sqrt(static_cast<double>(dimension));
        m1 += z;
        m2 += z * z;
        m4 += z * z * z * z;
        ++n;
      }
    }
    EXPECT_GT(test::normal_p(m1 / std::sqrt(n)), test::rare) << dimension;
    EXPECT_GT(test::normal_p((m2 - n) / std::sqrt(2 * n)), test::rare) << dimension;
    EXPECT_GT(test::normal_p((m4 - 3 * n) / std::sqrt(96 * n)), test::rare) << dimension;
  }
}

// |x|^2 is chi^2_D / D: mean 1, variance 2/D. Entries of unequal scale or correlated within an item
// would widen it; the estimated variance of n values has itself variance (8 + 48/D) / (n D^2).
TEST(ItemSource, DrawsItemsOfLengthNearOne) {
  constexpr std::size_t dimension = 63;
  constexpr double d = dimension;
  constexpr double n = 20'000;
  const ItemSource source(6, Purpose::training_items);
  double sum = 0, squares = 0;
  for (std::uint64_t k = 0; k < 20'000; ++k) {
    const auto x = item(source, 0, k, dimension);
    const double deviation = dot(x, x) - 1;
    sum += deviation;
    squares += deviation * deviation;
  }
  EXPECT_GT(test::normal_p(sum / std::sqrt(n * 2 / d)), test::rare);
  EXPECT_GT(test::normal_p((squares / n - 2 / d) / std::sqrt((8 + 48 / d) / (n * d * d))),
            test::rare);
}

// Dot products of independent items have mean 0 and variance 1/D.
TEST(ItemSource, DrawsIndependently) {
  constexpr std::size_t dimension = 63;
  constexpr std::uint64_t pairs = 5'000;
  const ItemSource training(7, Purpose::training_items);
  const ItemSource novel(7, Purpose::novel_items);
  const ItemSource other_seed(8, Purpose::training_items);
  double next = 0, purpose = 0, seed = 0, step = 0, square = 0;
  for (std::uint64_t k = 0; k < pairs; ++k) {
    const auto x = item(training, 3, k, dimension);
    next += dot(x, item(training, 3, k + 1, dimension));
    purpose += dot(x, item(novel, 3, k, dimension));
    seed += dot(x, item(other_seed, 3, k, dimension));
    step += dot(x, item(training, 4, k, dimension));
    const double product = dot(x, item(training, 3, k + 1, dimension));
    square += product * product;
  }
  const double sd = std::sqrt(static_cast<double>(pairs) / dimension);
  EXPECT_GT(test::normal_p(next / sd), test::rare);
  EXPECT_GT(test::normal_p(purpose / sd), test::rare);
  EXPECT_GT(test::normal_p(seed / sd), test::rare);
  EXPECT_GT(test::normal_p(step / sd), test::rare);
  // (x . y)^2 has mean 1/D and variance (2 + 6/D) / D^2.
  const double scaled = square * dimension / pairs - 1;
  EXPECT_GT(test::normal_p(scaled / std::sqrt((2 + 6.0 / dimension) / pairs)), test::rare);
}

TEST(ItemSource, IsAPureFunction) {
  const ItemSource source(9, Purpose::icl_fresh_items);
  const auto x = item(source, 11, 12, 20);
  (void)item(source, 0, 0, 20);
  EXPECT_EQ(item(ItemSource(9, Purpose::icl_fresh_items), 11, 12, 20), x);
  EXPECT_NE(item(source, 11, 13, 20), x);
  EXPECT_NE(item(source, 12, 12, 20), x);
  EXPECT_NE(item(ItemSource(10, Purpose::icl_fresh_items), 11, 12, 20), x);
  EXPECT_NE(item(ItemSource(9, Purpose::training_fresh_items), 11, 12, 20), x);
}

TEST(ItemSet, DrawsFromItsSource) {
  const ItemSource source(4, Purpose::novel_items);
  const ItemSet set(source, 9);
  EXPECT_EQ(set.classes(), 9);
  EXPECT_EQ(set.exemplars(), 1);
  EXPECT_EQ(set.rows(), 9);
  std::vector<float> x(5);
  for (std::int64_t row = 0; row < 9; ++row) {
    set.draw(row, x);
    EXPECT_EQ(x, item(source, 0, static_cast<std::uint64_t>(row), 5));
  }
}

TEST(ItemSet, ReadsItsTable) {
  const ItemSet set(ItemTable{.classes = 2,
                              .exemplars = 3,
                              .dimension = 2,
                              .rows = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                              .labels = {1, -1}});
  EXPECT_EQ(set.classes(), 2);
  EXPECT_EQ(set.exemplars(), 3);
  EXPECT_EQ(set.rows(), 6);
  std::vector<float> x(2);
  for (std::int64_t row = 0; row < 6; ++row) {
    set.draw(row, x);
    const auto first = static_cast<float>(2 * row);
    EXPECT_EQ(x, (std::vector<float>{first, first + 1}));
  }
}

TEST(AddNoise, IsThisFormula) {
  const ItemSource noise(8, Purpose::noise);
  for (const double epsilon : {1e-3, 0.5, 1.0, 1e6}) {
    const auto x = item(ItemSource(8, Purpose::training_items), 0, 3, 20);
    auto noisy = x;
    std::vector<float> xi(20);
    add_noise(noise, 6, 7, epsilon, noisy, xi);
    const auto drawn = item(noise, 6, 7, 20);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact =
          (double{x[i]} + epsilon * double{drawn[i]}) / std::sqrt(1 + epsilon * epsilon);
      EXPECT_FLOAT_EQ(noisy[i], static_cast<float>(exact));
    }
  }
}

TEST(DrawLabels, AreHalfAndHalf) {
  for (const std::int64_t count : {2, 4, 6, 100, 1000, 20002}) {
    const auto labels = draw_labels(3, count);
    ASSERT_EQ(static_cast<std::int64_t>(labels.size()), count);
    EXPECT_EQ(std::ranges::count(labels, 1), count / 2);
    EXPECT_EQ(std::ranges::count(labels, -1), count / 2);
  }
}

TEST(DrawLabels, GiveEachOfManyLabelsItsShare) {
  const auto labels = draw_labels(3, 100, 7);
  for (Label label = 1; label <= 7; ++label) {
    const auto share = std::ranges::count(labels, label);
    EXPECT_EQ(share, label <= 100 % 7 ? 15 : 14) << label;
  }
  // Over seeds, each of the 6! / 2^3 = 90 arrangements of three pairs is as likely as any other.
  std::map<std::vector<Label>, double> counts;
  for (std::int64_t seed = 0; seed < 30'000; ++seed) ++counts[draw_labels(seed, 6, 3)];
  std::vector<double> cells;
  for (const auto& [arrangement, count] : counts) cells.push_back(count);
  ASSERT_EQ(cells.size(), 90U);
  EXPECT_GT(test::uniform_p(cells), test::rare);
}

// Over seeds, each of the 20 arrangements of six labels is as likely as any other.
TEST(DrawLabels, AreUniformlyArranged) {
  std::map<std::vector<Label>, double> counts;
  for (std::int64_t seed = 0; seed < 20'000; ++seed) ++counts[draw_labels(seed, 6)];
  std::vector<double> cells;
  for (const auto& [labels, count] : counts) cells.push_back(count);
  ASSERT_EQ(cells.size(), 20U);
  EXPECT_GT(test::uniform_p(cells), test::rare);
}

// Within one long draw: the first half has +1 as often as chance has it (hypergeometric law with
// variance n/16 for n labels), and neighbours are equal half of the time (variance n/4).
TEST(DrawLabels, AreInRandomOrderWhenMany) {
  constexpr std::size_t count = 100'000;
  const auto labels = draw_labels(12, count);
  const auto up = static_cast<double>(std::count(labels.begin(), labels.begin() + count / 2, 1));
  EXPECT_GT(test::normal_p((up - count / 4.0) / std::sqrt(count / 16.0)), test::rare);
  double equal = 0;
  for (std::size_t k = 1; k < count; ++k) equal += labels[k] == labels[k - 1] ? 1 : 0;
  EXPECT_GT(test::normal_p((equal - count / 2.0) / std::sqrt(count / 4.0)), test::rare);
}

TEST(DrawLabels, DependOnTheSeedAlone) {
  EXPECT_EQ(draw_labels(1, 100), draw_labels(1, 100));
  EXPECT_NE(draw_labels(1, 100), draw_labels(2, 100));
}

}  // namespace
}  // namespace icl::task
