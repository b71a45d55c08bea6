#include "icl/task/given_items.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/statistics.hpp"
#include "icl/core/error.hpp"
#include "icl/task/seeds.hpp"
#include "support/errors.hpp"

namespace icl::task {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// Entries are offset + class + exemplar / 8 + column / 64, so each row says where it is from.
ItemTable numbered(std::int64_t classes, std::int64_t exemplars, std::int64_t dimension,
                   float offset = 1) {
  ItemTable table{classes, exemplars, dimension, {}, {}};
  for (std::int64_t k = 0; k < classes; ++k) {
    for (std::int64_t e = 0; e < exemplars; ++e) {
      for (std::int64_t d = 0; d < dimension; ++d) {
        table.rows.push_back(offset + static_cast<float>(k) + static_cast<float>(e) / 8 +
                             static_cast<float>(d) / 64);
      }
    }
  }
  return table;
}

/// Labels every third class +1.
ItemTable labelled(ItemTable table) {
  for (std::int64_t k = 0; k < table.classes; ++k) table.labels.push_back(k % 3 == 0 ? 1 : -1);
  return table;
}

/// The classes of a table whose rows are parts of numbered(...), unscaled.
std::vector<int> classes_of(const ItemTable& table) {
  std::vector<int> classes;
  const auto width = static_cast<std::size_t>(table.exemplars * table.dimension);
  for (std::size_t at = 0; at < table.rows.size(); at += width) {
    classes.push_back(static_cast<int>(table.rows[at]) - 1);
  }
  return classes;
}

config::Config config_for(std::int64_t K, std::int64_t D, std::int64_t seed = 3) {
  config::Config config;
  config.data.K = K;
  config.data.D = D;
  config.data.items = "x.h5:/images";
  config.data.scale = config::ItemScale::none;
  config.train.seed = seed;
  return config;
}

double mean_squared_norm(const ItemTable& table) {
  const double sum = std::inner_product(table.rows.begin(), table.rows.end(), table.rows.begin(),
                                        0.0, std::plus<>(), std::multiplies<double>());
  return sum / static_cast<double>(table.classes * table.exemplars);
}

TEST(ChooseItems, SplitsIntoTrainingAndNovelClasses) {
  const ItemTable all = numbered(20, 2, 3);
  const GivenItems items = choose_items(config_for(12, 3), all, std::nullopt);
  EXPECT_EQ(items.training.classes, 12);
  EXPECT_EQ(items.novel.classes, 4);  // a fifth of 20
  for (const ItemTable* table : {&items.training, &items.novel}) {
    EXPECT_EQ(table->exemplars, 2);
    EXPECT_EQ(table->dimension, 3);
    EXPECT_TRUE(table->labels.empty());
    const auto classes = classes_of(*table);
    ASSERT_EQ(static_cast<std::int64_t>(classes.size()), table->classes);
    // All rows of a class come with it, and unchanged.
    for (std::size_t k = 0; k < classes.size(); ++k) {
      EXPECT_TRUE(std::equal(table->rows.begin() + static_cast<std::ptrdiff_t>(6 * k),
                             table->rows.begin() + static_cast<std::ptrdiff_t>(6 * k + 6),
                             all.rows.begin() + std::ptrdiff_t{6} * classes[k]));
    }
  }
  auto chosen = classes_of(items.training);
  for (const int k : classes_of(items.novel)) chosen.push_back(k);
  EXPECT_EQ(std::set(chosen.begin(), chosen.end()).size(), 16U);
  EXPECT_TRUE(items.hash.empty());
}

TEST(ChooseItems, IsAPureFunctionOfTheSeedOfTheItems) {
  const ItemTable all = numbered(40, 1, 2);
  const auto classes = [&](const config::Config& config) {
    const GivenItems items = choose_items(config, all, std::nullopt);
    return std::pair(classes_of(items.training), classes_of(items.novel));
  };
  config::Config config = config_for(30, 2, 3);
  const auto first = classes(config);
  EXPECT_EQ(classes(config), first);
  EXPECT_NE(classes(config_for(30, 2, 4)), first);
  // The seed of the items decides alone, wherever it comes from.
  config.seed.items = Seeds(config).items;
  config.train.seed = 99;
  config.seed.novel = 5;
  EXPECT_EQ(classes(config), first);
  // Fewer training items are the first of more, and the novel ones stay.
  config.data.K = 10;
  const auto fewer = classes(config);
  EXPECT_TRUE(std::equal(fewer.first.begin(), fewer.first.end(), first.first.begin()));
  EXPECT_EQ(fewer.second, first.second);
}

// Pinned: runs of another version with the same seed have the same items.
TEST(ChooseItems, KeepsItsOrder) {
  const GivenItems items = choose_items(config_for(6, 1), numbered(10, 1, 1), std::nullopt);
  EXPECT_THAT(classes_of(items.novel), ElementsAre(6, 3));
  EXPECT_THAT(classes_of(items.training), ElementsAre(5, 7, 2, 0, 8, 1));
}

// Over seeds, each of the 60 ways to hold out one of 5 and to take 2 of the others in order is as
// likely as any other.
TEST(ChooseItems, SplitsUniformly) {
  const ItemTable all = numbered(5, 1, 1);
  std::map<std::vector<int>, double> counts;
  for (std::int64_t seed = 0; seed < 12'000; ++seed) {
    const GivenItems items = choose_items(config_for(2, 1, seed), all, std::nullopt);
    auto classes = classes_of(items.training);
    classes.push_back(classes_of(items.novel).at(0));
    ++counts[classes];
  }
  std::vector<double> cells;
  cells.reserve(counts.size());
  for (const auto& [classes, count] : counts) cells.push_back(count);
  ASSERT_EQ(cells.size(), 60U);
  EXPECT_GT(test::uniform_p(cells), test::rare);
}

TEST(ChooseItems, RoundsTheNumberOfNovelClasses) {
  const auto novel = [](double fraction, std::int64_t classes) {
    config::Config config = config_for(2, 1);
    config.data.novel_fraction = fraction;
    return choose_items(config, numbered(classes, 1, 1), std::nullopt).novel.classes;
  };
  EXPECT_EQ(novel(0.2, 964), 193);  // 192.8
  EXPECT_EQ(novel(0.2, 962), 192);  // 192.4
  EXPECT_EQ(novel(0.01, 10), 1);    // at least 1
  EXPECT_EQ(novel(0.99, 10), 8);    // at least 2 for training
  EXPECT_EQ(novel(0.2, 3), 1);
}

TEST(ChooseItems, LabelsFollowTheirClasses) {
  const GivenItems items = choose_items(config_for(12, 3), labelled(numbered(20, 2, 3)), {});
  for (const ItemTable* table : {&items.training, &items.novel}) {
    const auto classes = classes_of(*table);
    ASSERT_EQ(table->labels.size(), classes.size());
    for (std::size_t k = 0; k < classes.size(); ++k) {
      EXPECT_EQ(table->labels[k], classes[k] % 3 == 0 ? 1 : -1);
    }
  }
}

TEST(ChooseItems, TakesNovelItemsFromASecondTable) {
  const ItemTable second = labelled(numbered(7, 3, 2, 100));
  const GivenItems items = choose_items(config_for(20, 2), numbered(20, 1, 2), second);
  EXPECT_EQ(items.training.classes, 20);
  auto classes = classes_of(items.training);
  std::ranges::sort(classes);
  for (int k = 0; k < 20; ++k) EXPECT_EQ(classes[static_cast<std::size_t>(k)], k);
  EXPECT_TRUE(items.training.labels.empty());
  EXPECT_EQ(items.novel.classes, 7);
  EXPECT_EQ(items.novel.exemplars, 3);
  EXPECT_EQ(items.novel.rows, second.rows);
  EXPECT_EQ(items.novel.labels, second.labels);
}

TEST(ChooseItems, UnitScaleIsOneFactorForAll) {
  config::Config config = config_for(12, 3);
  const ItemTable all = numbered(20, 2, 3);
  for (const auto& novel : {std::optional<ItemTable>(), std::optional(numbered(7, 3, 3, 100))}) {
    config.data.scale = config::ItemScale::none;
    const GivenItems plain = choose_items(config, all, novel);
    config.data.scale = config::ItemScale::unit;
    const GivenItems scaled = choose_items(config, all, novel);
    EXPECT_NEAR(mean_squared_norm(scaled.training), 1, 1e-6);
    const double factor = 1 / std::sqrt(mean_squared_norm(plain.training));
    for (const auto part : {&GivenItems::training, &GivenItems::novel}) {
      const std::vector<float>& before = (plain.*part).rows;
      const std::vector<float>& after = (scaled.*part).rows;
      ASSERT_EQ(after.size(), before.size());
      for (std::size_t i = 0; i < after.size(); ++i) {
        EXPECT_FLOAT_EQ(after[i], static_cast<float>(before[i] * factor));
      }
    }
  }
}

TEST(ChooseItems, UnitScaleOfVerySmallAndVeryLargeItems) {
  config::Config config = config_for(4, 3);
  config.data.scale = config::ItemScale::unit;
  for (const float size : {1e-38F, 1e30F}) {
    ItemTable all = numbered(6, 2, 3);
    for (float& entry : all.rows) entry *= size;
    const GivenItems items = choose_items(config, all, {});
    EXPECT_NEAR(mean_squared_norm(items.training), 1, 1e-6) << size;
  }
}

TEST(ChooseItems, NamesWhatDoesNotFit) {
  const auto failing = [](const config::Config& config, const ItemTable& all,
                          const std::optional<ItemTable>& novel = {}) {
    return message_of(ExitCode::usage, [&] { (void)choose_items(config, all, novel); });
  };
  config::Config config = config_for(2, 1);
  config.data.K = config::Diversity::infinity();
  EXPECT_EQ(failing(config, numbered(9, 1, 1)),
            "data.K = inf, but data.items = \"x.h5:/images\" has only 9 classes: every item is new "
            "at data.K = inf");
  EXPECT_EQ(failing(config_for(10000, 1), numbered(964, 1, 1)),
            "data.K = 10000, but 'x.h5:/images' has 964 classes, of which 771 are for training");
  EXPECT_EQ(failing(config_for(774, 1), numbered(964, 1, 1)),
            "data.K = 774, but 'x.h5:/images' has 964 classes, of which 771 are for training");
  EXPECT_THAT(failing(config_for(966, 1), numbered(964, 1, 1), numbered(2, 1, 1)),
              HasSubstr("has 964 classes, of which 964 are for training"));
  EXPECT_THAT(failing(config_for(2, 1), numbered(2, 1, 1)),
              HasSubstr("has 2 classes, of which 1 are for training"));
  EXPECT_THAT(failing(config_for(2, 1), numbered(1, 1, 1)),
              HasSubstr("has 1 classes, of which 0 are for training"));
  EXPECT_EQ(failing(config_for(4, 63), numbered(9, 1, 512)),
            "data.D = 63, but the items have 512 entries: set data.D = 512");
  EXPECT_THAT(failing(config_for(4, 8), numbered(8, 1, 100)),
              HasSubstr("data.D = 8, but the items of 'x.h5:/images' have 100 entries: its shape "
                        "[8, 100] looks transposed; each row is an item"));
  EXPECT_THAT(failing(config_for(4, 8), numbered(8, 5, 100)),
              HasSubstr("its shape [8, 5, 100] looks transposed"));
  EXPECT_THAT(failing(config_for(64, 100), numbered(8, 1, 100)),
              HasSubstr("if the items are the columns of its shape [8, 100], it is transposed"));
  EXPECT_THAT(failing(config_for(128, 100), numbered(8, 1, 100)),
              ::testing::Not(HasSubstr("transposed")));
  config = config_for(4, 3);
  config.data.novel_items = "y.h5:/novel";
  EXPECT_EQ(failing(config, numbered(9, 1, 3), numbered(9, 1, 4)),
            "data.novel_items = \"y.h5:/novel\": its items have 4 entries, but those of data.items "
            "= \"x.h5:/images\" have 3");
}

TEST(ChooseItems, BothLabelsMustOccurAmongTheTrainingItems) {
  ItemTable all = numbered(10, 1, 1);
  all.labels.assign(10, -1);
  const GivenItems unlabelled = choose_items(config_for(6, 1), numbered(10, 1, 1), {});
  all.labels[static_cast<std::size_t>(classes_of(unlabelled.novel).at(0))] = 1;
  EXPECT_EQ(
      message_of(ExitCode::usage, [&] { (void)choose_items(config_for(6, 1), all, {}); }),
      "data.K = 6: these classes of 'x.h5:/images' all have the label -1; set a larger data.K "
      "or another seed.items");
  all.labels[static_cast<std::size_t>(classes_of(unlabelled.training).at(5))] = 1;
  EXPECT_EQ(choose_items(config_for(6, 1), all, {}).training.labels.at(5), 1);
  all.labels.assign(10, 1);
  EXPECT_THAT(message_of(ExitCode::usage, [&] { (void)choose_items(config_for(6, 1), all, {}); }),
              HasSubstr("label +1"));
}

TEST(ChooseItems, NamesTheEntryThatIsNoFiniteNumber) {
  const auto failing = [](const ItemTable& all, const std::optional<ItemTable>& novel = {}) {
    config::Config config = config_for(4, 3);
    config.data.novel_items = "y.h5:/novel";
    return message_of(ExitCode::bad_input, [&] { (void)choose_items(config, all, novel); });
  };
  ItemTable table = numbered(8, 1, 3);
  table.rows[3 * 5 + 2] = nan;
  EXPECT_EQ(failing(table),
            "'x.h5:/images': row 5, column 2 (counted from 0) is nan, not a finite float32");
  EXPECT_THAT(failing(numbered(8, 1, 3), table), HasSubstr("'y.h5:/novel': row 5, column 2"));
  ItemTable deep = numbered(8, 2, 3);
  deep.rows[27] = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(failing(deep), HasSubstr("row [4, 1], column 0 (counted from 0) is -inf"));
}

TEST(ChooseItems, UnitScaleNeedsItemsThatAreNotAllZero) {
  config::Config config = config_for(4, 3);
  config.data.scale = config::ItemScale::unit;
  ItemTable zeros = numbered(8, 1, 3);
  std::ranges::fill(zeros.rows, 0.0F);
  EXPECT_EQ(message_of(ExitCode::usage, [&] { (void)choose_items(config, zeros, {}); }),
            "data.scale = \"unit\", but all 4 training items of 'x.h5:/images' are zero");
  config.data.scale = config::ItemScale::none;
  EXPECT_EQ(choose_items(config, zeros, {}).training.rows, std::vector<float>(12));
}

TEST(ChooseItems, UnitScaleThatLeavesTheRangeOfFloatIsRefused) {
  config::Config config = config_for(4, 1);
  config.data.scale = config::ItemScale::unit;
  config.data.novel_items = "y.h5:/novel";
  ItemTable small = numbered(8, 1, 1);
  for (float& entry : small.rows) entry *= 1e-30F;
  const ItemTable large = numbered(2, 1, 1, 1e30F);
  EXPECT_THAT(message_of(ExitCode::usage, [&] { (void)choose_items(config, small, large); }),
              HasSubstr("of 'y.h5:/novel' times"));
}

}  // namespace
}  // namespace icl::task
