#include "icl/task/sequences.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "core/statistics.hpp"

namespace icl::task {
namespace {

using Items = std::vector<std::int32_t>;

Stream stream(std::uint64_t index, std::uint64_t seed = 1) {
  return {seed, Purpose::training_sequence, 0, index};
}

Items bursty(const Stream& from, std::uint32_t item_count, std::size_t length) {
  Items items(length);
  draw_bursty(from, Frequencies(item_count), items);
  return items;
}

Items distinct(const Stream& from, std::uint32_t item_count, std::size_t length) {
  Items items(length);
  draw_distinct(from, item_count, items);
  return items;
}

Items partly_bursty(const Stream& from, const Frequencies& frequencies, double probability,
                    std::size_t length) {
  Items items(length);
  draw_partly_bursty(from, frequencies, probability, {}, items);
  return items;
}

Items around(const Stream& from, std::uint32_t item_count, std::int32_t target,
             std::size_t length) {
  Items items(length);
  draw_around(from, Frequencies(item_count), target, items);
  return items;
}

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

/// The number of a cell of a table with `side` rows in each direction.
std::size_t cell(const Items& items, std::size_t side) {
  std::size_t number = 0;
  for (const std::int32_t item : items) number = side * number + at(item);
  return number;
}

std::int64_t copies_of_target(const Items& items) {
  return std::count(items.begin(), items.end() - 1, items.back());
}

struct Size {
  std::uint32_t item_count;  ///< K
  std::size_t length;        ///< N
};

constexpr Size sizes[] = {{2, 2},  {2, 3},    {6, 2},       {6, 5},          {50, 10},
                          {3, 40}, {1000, 5}, {100000, 20}, {0x7ffffffe, 4}, {0x7ffffffe, 100}};

TEST(DrawBursty, AlwaysHoldsACopyOfTheTarget) {
  for (const auto& [item_count, length] : sizes) {
    for (std::uint64_t s = 0; s < 2000; ++s) {
      const Items items = bursty(stream(s), item_count, length);
      ASSERT_GE(copies_of_target(items), 1) << item_count << ", " << length;
      for (const std::int32_t item : items) {
        ASSERT_TRUE(item >= 0 && static_cast<std::uint32_t>(item) < item_count);
      }
    }
  }
}

// With n = N-1 items in the context, the copies C of the target have two sources.
// - The last draw occurs among the first n: C is Binomial(n, 1/K), where it is not 0.
// - It does not, with probability (1 - 1/K)^n: the context is then uniform over the other K-1
// items,
//   and the target becomes one of its places: one copy, and each of the n-1 other places holds
//   another one by chance: 1 + Binomial(n-1, 1/(K-1)).
double copies_law(int copies, int n, double item_count) {
  return (copies > 0 ? test::binomial(n, 1 / item_count, copies) : 0) +
         std::pow(1 - 1 / item_count, n) * test::binomial(n - 1, 1 / (item_count - 1), copies - 1);
}

TEST(DrawBursty, HasTheExactLawOfChanceCopies) {
  constexpr double draws = 200'000;
  for (const auto& [item_count, length] :
       {Size{2, 3}, Size{6, 5}, Size{10, 10}, Size{50, 10}, Size{4, 20}}) {
    const int n = static_cast<int>(length) - 1;
    std::vector<double> counts(length), expected(length);
    double total = 0;
    for (int c = 0; c <= n; ++c) {
      const double law = copies_law(c, n, item_count);
      total += law;
      expected[static_cast<std::size_t>(c)] = draws * law;
    }
    ASSERT_NEAR(total, 1, 1e-12);
    for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(draws); ++s) {
      ++counts[static_cast<std::size_t>(
          copies_of_target(bursty(stream(s, 2), item_count, length)))];
    }
    EXPECT_EQ(counts[0], 0);
    counts.erase(counts.begin());
    expected.erase(expected.begin());
    test::join_rare_cells(counts, expected);
    EXPECT_GT(test::fit_p(counts, expected), test::rare) << item_count << ", " << length;
  }
}

// Context places are never replaced, so they are uniform; the target is so by symmetry.
TEST(DrawBursty, HasEveryItemEquallyOftenAtEveryPlace) {
  for (const auto& [item_count, length] : {Size{2, 4}, Size{6, 5}, Size{50, 10}, Size{97, 3}}) {
    std::vector<std::vector<double>> counts(length, std::vector<double>(item_count));
    for (std::uint64_t s = 0; s < 100'000; ++s) {
      const Items items = bursty(stream(s, 3), item_count, length);
      for (std::size_t j = 0; j < length; ++j) ++counts[j][static_cast<std::size_t>(items[j])];
    }
    for (std::size_t j = 0; j < length; ++j) {
      EXPECT_GT(test::uniform_p(counts[j]), test::rare) << item_count << ", place " << j;
    }
  }
}

// All 6^3 contexts are equally likely: the places are drawn independently.
TEST(DrawBursty, DrawsThePlacesOfTheContextIndependently) {
  std::vector<double> counts(6 * 6 * 6);
  for (std::uint64_t s = 0; s < 100'000; ++s) {
    const Items items = bursty(stream(s, 4), 6, 4);
    ++counts[static_cast<std::size_t>((items[0] * 6 + items[1]) * 6 + items[2])];
  }
  EXPECT_GT(test::uniform_p(counts), test::rare);
}

// K is so large that the last draw is always replaced and the context holds no item twice: the
// place of the only copy is the place that the target was taken from.
TEST(DrawBursty, TakesTheTargetFromEveryPlaceEquallyOften) {
  constexpr std::size_t length = 12;
  std::vector<double> counts(length - 1);
  for (std::uint64_t s = 0; s < 100'000; ++s) {
    const Items items = bursty(stream(s, 5), 0x7ffffffe, length);
    ASSERT_EQ(copies_of_target(items), 1);
    ++counts[static_cast<std::size_t>(std::ranges::find(items, items.back()) - items.begin())];
  }
  EXPECT_GT(test::uniform_p(counts), test::rare);
}

// The rule word by word, as the bits are part of the numerics: word j of the stream is the draw of
// place j, word N the place that a missing target is taken from. It is drawn in any case.
TEST(DrawBursty, IsThisFunctionOfTheWords) {
  std::int64_t replaced = 0;
  for (const auto& [item_count, length] : sizes) {
    const auto n = static_cast<std::uint32_t>(length);
    for (std::uint64_t s = 0; s < 100; ++s) {
      const Stream from = stream(s, 6);
      std::vector<std::uint32_t> words(length + 1);
      from.words(0, words);
      Items expected;
      for (std::uint32_t j = 0; j < n; ++j) {
        expected.push_back(static_cast<std::int32_t>(from.below(item_count, j, words[j])));
      }
      if (copies_of_target(expected) == 0) {
        expected.back() = expected[from.below(n - 1, n, words[n])];
        ++replaced;
      }
      ASSERT_EQ(bursty(from, item_count, length), expected);
    }
  }
  EXPECT_GT(replaced, 300);
  EXPECT_LT(replaced, 900);
}

TEST(DrawDistinct, NeverHoldsAnItemTwice) {
  for (const auto& [item_count, length] :
       {Size{2, 2}, Size{6, 6}, Size{100, 100}, Size{101, 100}, Size{1000, 5}, Size{7, 2}}) {
    for (std::uint64_t s = 0; s < 500; ++s) {
      const Items items = distinct(stream(s), item_count, length);
      ASSERT_EQ(std::set<std::int32_t>(items.begin(), items.end()).size(), length);
      ASSERT_GE(*std::ranges::min_element(items), 0);
      ASSERT_LT(static_cast<std::uint32_t>(*std::ranges::max_element(items)), item_count);
    }
  }
}

// All K! / (K-N)! sequences are equally likely, at K = N as above it.
TEST(DrawDistinct, IsUniformOverAllSequences) {
  for (const auto& [item_count, length, all] :
       {std::tuple{4U, 4U, 24U}, std::tuple{5U, 3U, 60U}, std::tuple{10U, 2U, 90U}}) {
    std::map<Items, double> counts;
    for (std::uint64_t s = 0; s < 60'000; ++s) ++counts[distinct(stream(s, 7), item_count, length)];
    std::vector<double> cells;
    for (const auto& [items, count] : counts) cells.push_back(count);
    ASSERT_EQ(cells.size(), all);
    EXPECT_GT(test::uniform_p(cells), test::rare) << item_count << ", " << length;
  }
}

// All 2^4 label rows times 4 places are equally likely: labels fair and independent, the place too.
TEST(DrawFresh, IsUniformOverLabelsAndPlaces) {
  std::vector<double> counts(16 * 4);
  for (std::uint64_t s = 0; s < 100'000; ++s) {
    std::vector<Label> labels(4);
    const std::int32_t place = draw_fresh(stream(s, 8), {}, labels);
    std::size_t cell = 0;
    for (const Label label : labels) {
      ASSERT_TRUE(label == 1 || label == -1);
      cell = 2 * cell + (label == 1 ? 1 : 0);
    }
    ASSERT_TRUE(place >= 0 && place < 4);
    ++counts[4 * cell + static_cast<std::size_t>(place)];
  }
  EXPECT_GT(test::uniform_p(counts), test::rare);
}

// All 3^3 label rows times 3 places.
TEST(DrawFresh, IsUniformOverManyLabelsToo) {
  std::vector<double> counts(27 * 3);
  for (std::uint64_t s = 0; s < 100'000; ++s) {
    std::vector<Label> labels(3);
    const std::int32_t place = draw_fresh(stream(s, 8), 3, labels);
    std::size_t cell = 0;
    for (const Label label : labels) {
      ASSERT_TRUE(label >= 1 && label <= 3);
      cell = 3 * cell + static_cast<std::size_t>(label - 1);
    }
    ++counts[3 * cell + static_cast<std::size_t>(place)];
  }
  EXPECT_GT(test::uniform_p(counts), test::rare);
}

TEST(DrawFresh, OfOneItemCopiesIt) {
  std::vector<Label> label(1);
  EXPECT_EQ(draw_fresh(stream(0), {}, label), 0);
}

// With probability 0.3 the bursty rule and its law of copies, otherwise none.
TEST(DrawPartlyBursty, HasACopyAsOftenAsItSays) {
  constexpr double draws = 100'000;
  constexpr double p = 0.3;
  for (const auto& [item_count, length] : {Size{2, 3}, Size{6, 5}, Size{50, 10}}) {
    const int n = static_cast<int>(length) - 1;
    std::vector<double> counts(length), expected(length);
    for (int c = 0; c <= n; ++c) {
      expected[static_cast<std::size_t>(c)] =
          draws * (p * copies_law(c, n, item_count) + (c == 0 ? 1 - p : 0));
    }
    for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(draws); ++s) {
      const Items items = partly_bursty(stream(s, 9), Frequencies(item_count), p, length);
      ++counts[static_cast<std::size_t>(copies_of_target(items))];
    }
    EXPECT_GT(test::binomial_p(counts[0], draws, 1 - p), test::rare);
    test::join_rare_cells(counts, expected);
    EXPECT_GT(test::fit_p(counts, expected), test::rare) << item_count << ", " << length;
  }
}

TEST(DrawPartlyBursty, AlwaysOrNeverHasACopyAtTheEnds) {
  for (const auto& [item_count, length] : {Size{2, 2}, Size{6, 5}, Size{3, 40}, Size{100000, 20}}) {
    for (std::uint64_t s = 0; s < 2000; ++s) {
      const Frequencies frequencies(item_count);
      ASSERT_EQ(copies_of_target(partly_bursty(stream(s), frequencies, 0, length)), 0);
      ASSERT_GE(copies_of_target(partly_bursty(stream(s), frequencies, 1, length)), 1);
    }
  }
}

// Without a copy, the target t is drawn with its probability p_t, and each of the two others,
// independently, is another item k with probability p_k / (1 - p_t).
TEST(DrawPartlyBursty, DrawsTheOthersIndependentlyOfAllButTheTarget) {
  constexpr std::size_t K = 5;
  constexpr double draws = 200'000;
  for (const double alpha : {0.0, 1.0, 2.5}) {
    const std::vector<double> weights = zipf_weights(alpha, K);
    const Frequencies frequencies = alpha == 0 ? Frequencies(K) : Frequencies(weights);
    double total = 0;
    for (const double w : weights) total += w;
    std::vector<double> all(K * K * K), counts, expected;
    for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(draws); ++s) {
      const Items items = partly_bursty(stream(s, 10), frequencies, 0, 3);
      ++all[cell({items[2], items[0], items[1]}, K)];
    }
    for (std::int32_t t = 0; t < 5; ++t) {
      for (std::int32_t a = 0; a < 5; ++a) {
        for (std::int32_t b = 0; b < 5; ++b) {
          const double p = weights[at(t)] / total;
          const double others = (1 - p) * total;
          if (a == t || b == t) {
            ASSERT_EQ(all[cell({t, a, b}, K)], 0);
            continue;
          }
          counts.push_back(all[cell({t, a, b}, K)]);
          expected.push_back(draws * p * weights[at(a)] / others * weights[at(b)] / others);
        }
      }
    }
    test::join_rare_cells(counts, expected);
    EXPECT_GT(test::fit_p(counts, expected), test::rare) << alpha;
  }
}

// The first item is drawn 2^100 times as often as the second: it is the target, and the second
// fills the context, with a probability of failure of 1e-17 a token.
TEST(DrawPartlyBursty, EndsWhereOneItemIsNearlyCertain) {
  const Frequencies frequencies(zipf_weights(100, 20));
  for (std::uint64_t s = 0; s < 1000; ++s) {
    ASSERT_EQ(partly_bursty(stream(s), frequencies, 0, 5), (Items{1, 1, 1, 1, 0}));
  }
}

TEST(DrawAround, HasTheGivenTargetAndACopyOfIt) {
  for (const auto& [item_count, length] : sizes) {
    for (std::uint64_t s = 0; s < 1000; ++s) {
      const auto target = static_cast<std::int32_t>(s % item_count);
      const Items items = around(stream(s), item_count, target, length);
      ASSERT_EQ(items.back(), target);
      ASSERT_GE(copies_of_target(items), 1);
      for (const std::int32_t item : items) {
        ASSERT_TRUE(item >= 0 && static_cast<std::uint32_t>(item) < item_count);
      }
    }
  }
  EXPECT_EQ(around(stream(1), 6, 4, 1), Items{4});
}

// The context is uniform over all K^n; where the target is missing, it takes one of the n places,
// of which each is as likely.
TEST(DrawAround, IsUniformButForTheCopy) {
  constexpr double draws = 200'000;
  constexpr std::size_t K = 5;
  std::vector<double> counts(K * K * K), expected(K * K * K);
  for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(draws); ++s) {
    const Items items = around(stream(s, 11), K, 3, 4);
    ++counts[cell({items[0], items[1], items[2]}, K)];
  }
  for (std::int32_t a = 0; a < 5; ++a) {
    for (std::int32_t b = 0; b < 5; ++b) {
      for (std::int32_t c = 0; c < 5; ++c) {
        constexpr double each = draws / (K * K * K);
        if (a == 3 || b == 3 || c == 3) {
          expected[cell({a, b, c}, K)] += each;
        } else {
          expected[cell({3, b, c}, K)] += each / 3;
          expected[cell({a, 3, c}, K)] += each / 3;
          expected[cell({a, b, 3}, K)] += each / 3;
        }
      }
    }
  }
  for (std::size_t i = counts.size(); i-- > 0;) {
    if (expected[i] > 0) continue;
    ASSERT_EQ(counts[i], 0);
    counts.erase(counts.begin() + static_cast<std::ptrdiff_t>(i));
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(i));
  }
  EXPECT_GT(test::fit_p(counts, expected), test::rare);
}

TEST(Sequences, ArePureFunctionsOfTheStream) {
  EXPECT_EQ(bursty(stream(3), 100, 50), bursty(stream(3), 100, 50));
  EXPECT_NE(bursty(stream(3), 100, 50), bursty(stream(4), 100, 50));
  EXPECT_EQ(distinct(stream(3), 100, 50), distinct(stream(3), 100, 50));
  EXPECT_NE(distinct(stream(3), 100, 50), distinct(stream(4), 100, 50));
}

}  // namespace
}  // namespace icl::task
