#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "core/statistics.hpp"
#include "task/bench.hpp"

namespace icl::task {
namespace {

using Kind = Bench::Kind;

Bench memoriser(const config::Config& config, int threads = 1) {
  return Bench(config, threads, {}, false);
}

TEST(TaskWithoutContext, HasSequencesOfTheTargetAlone) {
  for (const double noise : {0.0, 0.5}) {
    config::Config config = configuration(40, 100);
    config.data.noise = noise;
    const Bench bench = memoriser(config);
    EXPECT_EQ(bench.task.length(), 1);
    EXPECT_FALSE(bench.task.traits().context);
    EXPECT_TRUE(bench.task.traits().training_items);
    const Batch batch = bench.task.make_batch(7);
    EXPECT_EQ(batch.items.extent(1), 1);
    EXPECT_EQ(batch.copy.extent(1), 0);
    for (const Kind kind : bench.kinds()) {
      for (const Sequence& s : bench.draw(kind, 1, 0, 12)) {
        EXPECT_EQ(s.items.size(), 1U);
        EXPECT_TRUE(s.labels.empty());
      }
    }
    expect_same_whoever_draws(bench, memoriser(bench.config, 3));
  }
}

TEST(TaskWithoutContext, DrawsItemsUniformlyWithTheirLabels) {
  const Bench bench = memoriser(configuration(12, 100));
  const auto index = index_of(bench.task.training_items(), bench.encoder);
  for (const Kind kind : {Kind::training, Kind::iwl}) {
    std::vector<double> targets(12);
    over_sequences(bench, kind, 20'000, [&](const Sequence& s) {
      const auto k = static_cast<std::size_t>(index.at(s.items.back()));
      ++targets[k];
      ASSERT_EQ(s.answer, bench.task.labels()[k]);
    });
    EXPECT_GT(test::uniform_p(targets), test::rare);
  }
}

/// The items of epoch `epoch` in their order, with checks of the sizes of the batches.
std::vector<std::int32_t> epoch_of(const Bench& bench, std::int64_t epoch) {
  const std::int64_t steps = bench.config.train.steps_per_epoch;
  const std::int64_t size = bench.config.train.batch_size;
  Batch batch = bench.task.make_batch(size);
  std::vector<std::int32_t> items;
  for (std::int64_t i = 0; i < steps; ++i) {
    bench.task.training_batch(static_cast<std::uint64_t>(epoch * steps + i), size, batch,
                              bench.workers);
    EXPECT_EQ(batch.size, i + 1 < steps ? size : 60000 - (steps - 1) * size);
    for (std::int64_t b = 0; b < batch.size; ++b) {
      items.push_back(batch.items.row(b)[0]);
      EXPECT_EQ(batch.answer[b], bench.task.labels()[static_cast<std::size_t>(items.back())]);
    }
  }
  return items;
}

/// compat.s4_epoch with batches of this size.
config::Config published_epochs(std::int64_t item_count, std::int64_t batch_size) {
  config::Config config = configuration(item_count, 100, 1);
  config.compat.s4_epoch = true;
  config.train.batch_size = batch_size;
  config.train.steps_per_epoch = (60000 + batch_size - 1) / batch_size;
  return config;
}

// Of 60,000 numbers modulo K, 60000 / K + 1 are k where k < 60000 mod K, and 60000 / K otherwise.
// Batches of 700 and 40,000 are more than 60,000 / steps, rounded up.
TEST(PublishedEpoch, GoesThroughAllNumbersModuloK) {
  for (const auto& [item_count, batch_size, epoch] :
       {std::tuple{498, 128, 0}, std::tuple{498, 128, 3}, std::tuple{60000, 700, 1},
        std::tuple{60002, 40000, 0}, std::tuple{60002, 40000, 2}}) {
    const Bench bench = memoriser(published_epochs(item_count, batch_size), 2);
    const auto items = epoch_of(bench, epoch);
    ASSERT_EQ(items.size(), 60000U);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(item_count));
    for (const std::int32_t item : items) ++counts.at(static_cast<std::size_t>(item));
    for (std::int64_t k = 0; k < item_count; ++k) {
      ASSERT_EQ(counts[static_cast<std::size_t>(k)],
                60000 / item_count + (k < 60000 % item_count ? 1 : 0))
          << item_count << ", " << batch_size << ", " << k;
    }
  }
}

TEST(PublishedEpoch, OfOneBatchMayBeShorterThanTheBatch) {
  const Bench bench = memoriser(published_epochs(8, 100'000));
  const auto items = epoch_of(bench, 1);
  EXPECT_EQ(items.size(), 60000U);
  EXPECT_EQ(std::ranges::count(items, 0), 7500);
}

// Of 60,000 items, two random orders agree at about one place, at 15 with probability 3e-13.
TEST(PublishedEpoch, HasAnOrderOfItsOwn) {
  config::Config config = published_epochs(60000, 1000);
  const Bench bench = memoriser(config);
  const auto order = epoch_of(bench, 0);
  config.seed.data = 1;
  for (const auto& other : {epoch_of(bench, 1), epoch_of(memoriser(config), 0)}) {
    std::int64_t equal = 0;
    for (std::size_t i = 0; i < order.size(); ++i) equal += order[i] == other[i] ? 1 : 0;
    EXPECT_LT(equal, 15);
  }
  config.seed.data.reset();
  config.seed.eval = 1;
  EXPECT_EQ(epoch_of(memoriser(config), 0), order);
}

}  // namespace
}  // namespace icl::task
