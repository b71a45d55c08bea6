#include "icl/task/shift.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "icl/config/toml.hpp"
#include "task/bench.hpp"

namespace icl::task {
namespace {

/// Seven tokens, and eleven places: a sequence may begin at 0 to 4.
config::Config shifted(const std::string& K) {
  return config::parse(
      "model.system = \"blocks\"\nblocks.positions = \"onehot\"\nblocks.n_ctx = 11\n"
      "blocks.shift = \"random\"\ndata.layout = \"interleaved\"\ndata.N = 4\ndata.D = 3\n"
      "train.seed = 5\ndata.K = " +
          K,
      "test");
}

std::vector<std::int32_t> shifts(const Batch& batch) {
  return {batch.shift.values().begin(), batch.shift.values().begin() + batch.size};
}

TEST(Shift, IsUniformOverThePlacesFromWhichASequenceFits) {
  for (const char* K : {"16", "\"inf\""}) {
    const Bench bench(shifted(K));
    constexpr std::int64_t size = 5000;
    Batch batch = bench.task.make_batch(size);
    bench.task.training_batch(3, size, batch, bench.workers);
    std::vector<int> counts(5);
    for (const std::int32_t shift : shifts(batch)) ++counts.at(static_cast<std::size_t>(shift));
    // Binomial with p = 1/5: five standard deviations.
    for (const int count : counts) EXPECT_NEAR(count, size / 5, 5 * std::sqrt(size * 0.16)) << K;
  }
}

TEST(Shift, IsAPureFunctionOfSeedSetStepAndSequence) {
  const Bench bench(shifted("16"));
  const Bench other(shifted("16"), 2);
  Batch batch = bench.task.make_batch(64);
  const auto training = [&](const Bench& of, std::uint64_t step) {
    of.task.training_batch(step, 64, batch, of.workers);
    return shifts(batch);
  };
  const auto evaluation = [&](const char* set, std::int64_t first, std::int64_t size) {
    bench.task.evaluation_batch(set_called(set), 3, first, size, batch, bench.workers);
    return shifts(batch);
  };
  const auto now = training(bench, 3);
  EXPECT_EQ(now, training(other, 3));
  EXPECT_NE(now, training(bench, 4));
  const auto icl = evaluation("icl", 0, 64);
  EXPECT_NE(icl, now);
  EXPECT_NE(icl, evaluation("iwl", 0, 64));
  EXPECT_EQ(std::vector(icl.begin() + 16, icl.begin() + 48), evaluation("icl", 16, 32));
}

// The items and labels of a sequence are what they are without: its shift is drawn beside them.
TEST(Shift, ChangesNothingElse) {
  config::Config without = shifted("16");
  without.blocks.shift.reset();
  without.blocks.n_ctx.reset();
  const Bench plain(without);
  const Bench bench(shifted("16"));
  EXPECT_EQ(plain.task.make_batch(8).shift.size(), 0);
  EXPECT_EQ(plain.draw(Bench::Kind::training, 3, 0, 32),
            bench.draw(Bench::Kind::training, 3, 0, 32));
}

}  // namespace
}  // namespace icl::task
