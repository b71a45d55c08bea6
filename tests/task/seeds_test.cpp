#include "icl/task/seeds.hpp"

#include <gtest/gtest.h>

#include <set>

namespace icl::task {
namespace {

// Recipe: see core/random_test.cpp; init, items, data and eval are derived as numbers 0, 1, 2
// and 3.
TEST(Seeds, AreDerivedAsTheyAlwaysWere) {
  config::Config config;
  config.train.seed = 42;
  const Seeds seeds(config);
  EXPECT_EQ(seeds.init, 1135191541350652);
  EXPECT_EQ(seeds.items, 2451089041970674);
  EXPECT_EQ(seeds.data, 1144241610709745);
  EXPECT_EQ(seeds.eval, 6481973312829075);
}

TEST(Seeds, AreAllDifferent) {
  std::set<std::int64_t> all;
  for (std::int64_t seed = 0; seed < 100; ++seed) {
    config::Config config;
    config.train.seed = seed;
    const Seeds seeds(config);
    all.insert({seeds.init, seeds.items, seeds.data, seeds.eval});
  }
  EXPECT_EQ(all.size(), 400U);
}

TEST(Seeds, ThatAreGivenAreTakenAndChangeNoOther) {
  config::Config config;
  config.train.seed = 7;
  const Seeds derived(config);
  config.seed.items = 0;
  config.seed.eval = 123;
  const Seeds seeds(config);
  EXPECT_EQ(seeds.items, 0);
  EXPECT_EQ(seeds.eval, 123);
  EXPECT_EQ(seeds.init, derived.init);
  EXPECT_EQ(seeds.data, derived.data);
  config.seed.init = 1;
  config.seed.data = 2;
  EXPECT_EQ(Seeds(config).init, 1);
  EXPECT_EQ(Seeds(config).data, 2);
}

// The novel items have their own purpose, so they may share the seed of the items.
TEST(Seeds, OfNovelItemsAreThoseOfTheItemsUnlessGiven) {
  config::Config config;
  config.train.seed = 7;
  EXPECT_EQ(Seeds(config).novel, Seeds(config).items);
  config.seed.items = 11;
  EXPECT_EQ(Seeds(config).novel, 11);
  const Seeds before(config);
  config.seed.novel = 12;
  const Seeds seeds(config);
  EXPECT_EQ(seeds.novel, 12);
  EXPECT_EQ(seeds.items, 11);
  EXPECT_EQ(seeds.init, before.init);
  EXPECT_EQ(seeds.data, before.data);
  EXPECT_EQ(seeds.eval, before.eval);
}

TEST(Seeds, OfLabelsAreThoseOfTheItemsUnlessGiven) {
  config::Config config;
  config.train.seed = 7;
  EXPECT_EQ(Seeds(config).labels, Seeds(config).items);
  config.seed.items = 11;
  EXPECT_EQ(Seeds(config).labels, 11);
  config.seed.labels = 12;
  EXPECT_EQ(Seeds(config).labels, 12);
  EXPECT_EQ(Seeds(config).items, 11);
  EXPECT_EQ(Seeds(config).novel, 11);
}

TEST(Seeds, OfItemsAreThoseOfTrainSeed0WithItemSeeds) {
  config::Config config;
  config.train.seed = 0;
  const Seeds zero(config);
  config.train.seed = 7;
  const Seeds plain(config);
  config.compat.item_seeds = true;
  const Seeds seeds(config);
  EXPECT_EQ(seeds.items, zero.items);
  EXPECT_EQ(seeds.labels, plain.labels);
  EXPECT_NE(seeds.labels, zero.labels);
  EXPECT_EQ(seeds.novel, zero.items);
  EXPECT_EQ(seeds.init, plain.init);
  EXPECT_EQ(seeds.data, plain.data);
  EXPECT_EQ(seeds.eval, plain.eval);
  config.seed.items = 5;
  EXPECT_EQ(Seeds(config).items, 5);
}

}  // namespace
}  // namespace icl::task
