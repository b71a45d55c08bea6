#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "core/statistics.hpp"
#include "icl/task/items.hpp"
#include "icl/task/sequences.hpp"

namespace icl::task {
namespace {

using Items = std::vector<std::int32_t>;
using Labels = std::vector<Label>;

constexpr auto sequence_rule = LabelRule::equal_sequence;
constexpr auto context_rule = LabelRule::equal_context;
constexpr auto others_rule = LabelRule::equal_others;

Stream stream(std::uint64_t index, std::uint64_t seed = 1) {
  return {seed, Purpose::training_sequence, 0, index};
}

/// K items with labels, half and half, and equal frequencies or those of Zipf's law.
struct World {
  explicit World(std::int64_t count, double alpha = 0)
      : weights(alpha > 0 ? zipf_weights(alpha, count) : std::vector<double>{}),
        labels(draw_labels(3, count)),
        frequencies(alpha > 0 ? Frequencies(weights)
                              : Frequencies(static_cast<std::uint32_t>(count))),
        by_label(labels, weights) {}

  [[nodiscard]] Items draw(const Stream& from, LabelRule rule, std::size_t length) const {
    Items items(length);
    draw_equal(from, rule, frequencies, labels, by_label, items);
    return items;
  }
  [[nodiscard]] Label label(std::int32_t item) const {
    return labels.at(static_cast<std::size_t>(item));
  }
  [[nodiscard]] Labels labels_of(const Items& items) const {
    Labels all;
    for (const std::int32_t item : items) all.push_back(label(item));
    return all;
  }

  std::vector<double> weights;
  Labels labels;
  Frequencies frequencies;
  ItemsByLabel by_label;
};

struct Setting {
  LabelRule rule;
  std::size_t length;  ///< N
};

constexpr Setting settings[] = {{sequence_rule, 4},  {sequence_rule, 6},   {sequence_rule, 20},
                                {sequence_rule, 70}, {sequence_rule, 100}, {context_rule, 3},
                                {context_rule, 5},   {context_rule, 21},   {context_rule, 67},
                                {context_rule, 101}, {others_rule, 2},     {others_rule, 4},
                                {others_rule, 20},   {others_rule, 102}};

std::int64_t copies_of_target(const Items& items) {
  return std::count(items.begin(), items.end() - 1, items.back());
}

std::size_t place_of_copy(const Items& items) {
  return static_cast<std::size_t>(std::ranges::find(items, items.back()) - items.begin());
}

/// How many of the N tokens (the N - 1 of the context, the N - 2 others) are to carry each label.
std::size_t share(const Setting& setting) {
  return setting.rule == sequence_rule ? setting.length / 2 : (setting.length - 1) / 2;
}

std::vector<double> values_of(const std::map<Items, double>& counts) {
  std::vector<double> values;
  for (const auto& [items, count] : counts) values.push_back(count);
  return values;
}

TEST(ItemsByLabel, HoldsEachItemOnce) {
  const std::vector<Label> labels{1, -1, -1, 1, -1};
  const ItemsByLabel equal(labels, {});
  EXPECT_EQ(equal.members[0], (Items{1, 2, 4}));
  EXPECT_EQ(equal.members[1], (Items{0, 3}));
  ASSERT_EQ(equal.frequencies.size(), 2U);
  EXPECT_EQ(equal.frequencies[0].count(), 3U);
  EXPECT_EQ(equal.frequencies[1].count(), 2U);
}

TEST(DrawEqual, GivesEachLabelItsExactShareOfEverySequence) {
  for (const std::int64_t item_count : {2, 12, 1000}) {
    const World world(item_count);
    for (const Setting& setting : settings) {
      for (std::uint64_t s = 0; s < 1000; ++s) {
        const Items items = world.draw(stream(s), setting.rule, setting.length);
        for (const std::int32_t item : items) ASSERT_TRUE(item >= 0 && item < item_count);
        Labels labels = world.labels_of(items);
        const Label answer = labels.back();
        if (setting.rule != sequence_rule) labels.pop_back();
        if (setting.rule == others_rule) labels.erase(std::ranges::find(labels, answer));
        const auto tokens = static_cast<std::int64_t>(share(setting));
        ASSERT_EQ(std::ranges::count(labels, answer), tokens) << setting.length;
        ASSERT_EQ(std::ranges::count(labels, -answer), tokens) << setting.length;
        ASSERT_GE(copies_of_target(items), 1);
      }
    }
  }
}

TEST(DrawEqual, HasEveryItemEquallyOftenAsTargetAndFirst) {
  const World world(12);
  for (const Setting& setting : {Setting{sequence_rule, 6}, Setting{context_rule, 7}}) {
    std::vector<double> targets(12), firsts(12);
    for (std::uint64_t s = 0; s < 60'000; ++s) {
      const Items items = world.draw(stream(s, 2), setting.rule, setting.length);
      ++targets[static_cast<std::size_t>(items.back())];
      ++firsts[static_cast<std::size_t>(items.front())];
    }
    EXPECT_GT(test::uniform_p(targets), test::rare);
    EXPECT_GT(test::uniform_p(firsts), test::rare);
  }
}

// The place of the copy, and which of the other places carry its label: all are equally likely.
// Sequences with a copy by chance, whose drawn copy cannot be told, are left out; that chance does
// not depend on the places.
TEST(DrawEqual, IsUniformOverThePlacesOfTheCopyAndOfTheLabels) {
  const World world(1000);
  for (const auto& [rule, length, cells] :
       {std::tuple{sequence_rule, 4U, 3U}, std::tuple{sequence_rule, 6U, 5U * 4U},
        std::tuple{sequence_rule, 8U, 7U * 15U}, std::tuple{context_rule, 3U, 2U},
        std::tuple{context_rule, 5U, 4U * 3U}, std::tuple{context_rule, 7U, 6U * 10U},
        std::tuple{others_rule, 4U, 3U * 2U}, std::tuple{others_rule, 6U, 5U * 6U}}) {
    std::map<Items, double> counts;
    for (std::uint64_t s = 0; s < 60'000; ++s) {
      const Items items = world.draw(stream(s, 3), rule, length);
      if (copies_of_target(items) > 1) continue;
      Items cell{static_cast<std::int32_t>(place_of_copy(items))};
      for (const std::int32_t item : items) {
        cell.push_back(world.label(item) == world.label(items.back()) ? 1 : 0);
      }
      ++counts[cell];
    }
    EXPECT_EQ(counts.size(), cells);
    EXPECT_GT(test::uniform_p(values_of(counts)), test::rare) << length;
  }
}

// Beside the copy that is always there, each of the companions of the same label is the target with
// probability 1 / (K/2).
TEST(DrawEqual, HasTheExactLawOfChanceCopies) {
  constexpr double draws = 100'000;
  constexpr int K = 12;
  const World world(K);
  for (const auto& [rule, length, companions] :
       {std::tuple{sequence_rule, 14U, 5}, std::tuple{context_rule, 13U, 5},
        std::tuple{sequence_rule, 6U, 1}, std::tuple{context_rule, 5U, 1}}) {
    std::vector<double> counts(length - 1), expected(length - 1);
    for (int c = 0; c <= companions; ++c) {
      expected[static_cast<std::size_t>(c)] = draws * test::binomial(companions, 2.0 / K, c);
    }
    for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(draws); ++s) {
      ++counts[static_cast<std::size_t>(copies_of_target(world.draw(stream(s, 4), rule, length))) -
               1];
    }
    while (expected.back() == 0) {
      EXPECT_EQ(counts.back(), 0);
      counts.pop_back();
      expected.pop_back();
    }
    test::join_rare_cells(counts, expected);
    EXPECT_GT(test::fit_p(counts, expected), test::rare) << length;
  }
}

// The target and the first two tokens of the other label: 6 x 2 x 6 x 6 equally likely cells.
TEST(DrawEqual, DrawsTheOthersUniformlyAndIndependently) {
  const World world(12);
  for (const Setting& setting : {Setting{sequence_rule, 6}, Setting{context_rule, 7}}) {
    std::map<Items, double> counts;
    for (std::uint64_t s = 0; s < 60'000; ++s) {
      const Items items = world.draw(stream(s, 5), setting.rule, setting.length);
      Items cell{items.back()};
      for (const std::int32_t item : items) {
        if (world.label(item) != world.label(items.back()) && cell.size() < 3) cell.push_back(item);
      }
      ++counts[cell];
    }
    EXPECT_EQ(counts.size(), 12U * 6U * 6U);
    EXPECT_GT(test::uniform_p(values_of(counts)), test::rare);
  }
}

// With Zipf's law the target follows the law, and the others follow it among their label.
TEST(DrawEqual, FollowsTheFrequencies) {
  constexpr double draws = 100'000;
  constexpr std::size_t K = 8;
  const World world(K, 1.2);
  double total = 0;
  std::map<Label, double> of_label;
  for (std::size_t k = 0; k < K; ++k) {
    total += world.weights[k];
    of_label[world.labels[k]] += world.weights[k];
  }
  std::vector<double> counts(K * K);
  for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(draws); ++s) {
    const Items items = world.draw(stream(s, 6), context_rule, 5);
    const auto other = std::ranges::find_if(
        items, [&](std::int32_t i) { return world.label(i) != world.label(items.back()); });
    ASSERT_NE(other, items.end());
    ++counts[K * static_cast<std::size_t>(items.back()) + static_cast<std::size_t>(*other)];
  }
  std::vector<double> seen, expected;
  for (std::size_t t = 0; t < K; ++t) {
    for (std::size_t k = 0; k < K; ++k) {
      if (world.labels[k] == world.labels[t]) continue;
      seen.push_back(counts[K * t + k]);
      expected.push_back(draws * world.weights[t] / total * world.weights[k] /
                         of_label[world.labels[k]]);
    }
  }
  test::join_rare_cells(seen, expected);
  EXPECT_GT(test::fit_p(seen, expected), test::rare);
}

TEST(DrawFreshEqual, GivesEachLabelItsExactShareOfEverySequence) {
  for (const Setting& setting : settings) {
    for (std::uint64_t s = 0; s < 1000; ++s) {
      Labels labels(setting.length - 1);
      const std::int32_t copy = draw_fresh_equal(stream(s, 7), setting.rule, labels);
      ASSERT_TRUE(copy >= 0 && static_cast<std::size_t>(copy) < labels.size());
      const Label answer = labels[static_cast<std::size_t>(copy)];
      if (setting.rule == sequence_rule) labels.push_back(answer);
      if (setting.rule == others_rule) labels.erase(labels.begin() + copy);
      const auto tokens = static_cast<std::int64_t>(share(setting));
      ASSERT_EQ(std::ranges::count(labels, answer), tokens);
      ASSERT_EQ(std::ranges::count(labels, -answer), tokens);
    }
  }
}

// The answer, the place of the copy and the arrangement of the other labels.
TEST(DrawFreshEqual, IsUniform) {
  for (const auto& [rule, length, cells] :
       {std::tuple{sequence_rule, 4U, 2U * 3U}, std::tuple{sequence_rule, 8U, 2U * 7U * 15U},
        std::tuple{context_rule, 3U, 2U * 2U}, std::tuple{context_rule, 7U, 2U * 6U * 10U},
        std::tuple{others_rule, 2U, 2U}, std::tuple{others_rule, 6U, 2U * 5U * 6U}}) {
    std::map<Items, double> counts;
    for (std::uint64_t s = 0; s < 60'000; ++s) {
      Labels labels(length - 1);
      Items cell{draw_fresh_equal(stream(s, 8), rule, labels)};
      cell.insert(cell.end(), labels.begin(), labels.end());
      ++counts[cell];
    }
    EXPECT_EQ(counts.size(), cells);
    EXPECT_GT(test::uniform_p(values_of(counts)), test::rare) << length;
  }
}

TEST(EqualRules, ArePureFunctionsOfTheStream) {
  const World world(100);
  EXPECT_EQ(world.draw(stream(3), context_rule, 51), world.draw(stream(3), context_rule, 51));
  EXPECT_NE(world.draw(stream(3), context_rule, 51), world.draw(stream(4), context_rule, 51));
  Labels one(51), same(51), other(51);
  EXPECT_EQ(draw_fresh_equal(stream(3), sequence_rule, one),
            draw_fresh_equal(stream(3), sequence_rule, same));
  (void)draw_fresh_equal(stream(4), sequence_rule, other);
  EXPECT_EQ(one, same);
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace icl::task
