#include "icl/sweep/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "icl/run/run_record.hpp"
#include "support/runs.hpp"

namespace icl::sweep {
namespace {

using testing::ElementsAre;

config::Sweep sweep_of(const std::string& text) { return config::parse_sweep(text, "sweep.toml"); }

Plan plan_of(const std::string& text) { return Plan(sweep_of(text)); }

const std::string grid = R"(
data.N = 20
record.snapshots = 3
[sweep]
seeds = [5, 3]
[sweep.axes]
data.K = [1000, 500]
train.learning_rate = [0.1, 0.3, 0.2]
)";

/// A grid of long and short runs: 3 lengths, 2 rates, 5 seeds.
const std::string uneven = R"(
data.N = 20
[sweep]
seeds = 5
[sweep.axes]
train.epochs = [1, 4, 2]
train.learning_rate = [0.1, 0.2]
)";

TEST(Plan, NumbersTheFirstAxisSlowestAndTheSeedFastest) {
  const Plan plan = plan_of(grid);
  ASSERT_EQ(plan.size(), 12U);
  std::size_t run = 0;
  for (const std::int64_t K : {1000, 500}) {
    for (const double rate : {0.1, 0.3, 0.2}) {
      for (const std::int64_t seed : {5, 3}) {
        config::Config expected;
        expected.data.K = K;
        expected.data.N = 20;
        expected.train.learning_rate = rate;
        expected.train.seed = seed;
        expected.record.snapshots = 3;
        EXPECT_EQ(plan.config(run), expected) << run;
        ++run;
      }
    }
  }
}

TEST(Plan, IsTheUnionOfItsGridsWithEachRunOnce) {
  const Plan plan = plan_of(R"(
[sweep]
seeds = 2
axes.train.learning_rate = [0.1, 0.2]
[[sweep.grid]]
data.N = [10, 20]
data.K = [128, 64]
[[sweep.grid]]
data.N = [20, 30]
data.K = 64
)");
  const std::vector<std::string> points{"data.N = 10, data.K = 128", "data.N = 10, data.K = 64",
                                        "data.N = 20, data.K = 128", "data.N = 20, data.K = 64",
                                        "data.N = 30, data.K = 64"};
  ASSERT_EQ(plan.size(), points.size() * 2 * 2);
  EXPECT_EQ(Plan::size_of(plan.sweep()), 6U * 2U * 2U);
  std::size_t run = 0;
  std::set<std::string> hashes;
  for (const std::string& point : points) {
    for (const char* const rate : {"0.1", "0.2"}) {
      for (const int seed : {0, 1}) {
        EXPECT_EQ(plan.describe(run), "train.learning_rate = " + std::string(rate) + ", " + point +
                                          ", seed " + std::to_string(seed));
        EXPECT_EQ(plan.find(plan.hash(run)), run);
        hashes.insert(plan.hash(run++));
      }
    }
  }
  EXPECT_EQ(hashes.size(), plan.size());
}

TEST(Plan, OfASweepWithoutAxesHasARunForEachSeed) {
  const Plan plan = plan_of("[sweep]\nseeds = [4, 9]");
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan.config(0).train.seed, 4);
  EXPECT_EQ(plan.config(1).train.seed, 9);
  EXPECT_EQ(plan.describe(1), "seed 9");
}

TEST(Plan, SizeIsKnownBeforeAndSaturates) {
  EXPECT_EQ(Plan::size_of(sweep_of("")), 1U);
  EXPECT_EQ(Plan::size_of(sweep_of(grid)), 12U);
  config::Sweep huge;
  const std::vector<config::Value> values(65536, config::Value(1.0));
  for (const char* name : {"train.learning_rate", "train.weight_decay_mlp", "data.N"}) {
    huge.axes.push_back({config::find_field(name), values});
  }
  EXPECT_EQ(Plan::size_of(huge), std::uint64_t{1} << 48U);
  huge.seeds.resize(65535);
  EXPECT_EQ(Plan::size_of(huge), (std::uint64_t{1} << 48U) * 65535);
  huge.seeds.resize(65536);
  EXPECT_EQ(Plan::size_of(huge), UINT64_MAX);
}

TEST(Plan, HashesAreThoseOfTheConfigurations) {
  const Plan plan = plan_of(grid);
  std::set<std::string> all;
  for (std::size_t run = 0; run < plan.size(); ++run) {
    EXPECT_EQ(plan.hash(run), run::config_hash(plan.config(run)));
    all.insert(plan.hash(run));
  }
  EXPECT_EQ(all.size(), plan.size());
}

TEST(Plan, FindsARunByItsHash) {
  const Plan plan = plan_of(grid);
  for (std::size_t run = 0; run < plan.size(); ++run) EXPECT_EQ(plan.find(plan.hash(run)), run);
  config::Config other = plan.config(3);
  other.train.seed = 4;
  EXPECT_EQ(plan.find(run::config_hash(other)), plan.size());
  for (const std::string& hash : {std::string(), std::string(32, '0'), std::string(32, 'f')}) {
    EXPECT_EQ(plan.find(hash), plan.size());
  }
}

TEST(Plan, ARunIsTheSameInALargerGrid) {
  const Plan small = plan_of("[sweep]\nseeds = [3]\n[sweep.axes]\ndata.K = [500]");
  const Plan large =
      plan_of("[sweep]\nseeds = 5\n[sweep.axes]\ndata.N = [20, 100]\ndata.K = [400, 500, inf]");
  const std::size_t run = large.find(small.hash(0));
  ASSERT_LT(run, large.size());
  EXPECT_EQ(large.describe(run), "data.N = 100, data.K = 500, seed 3");
}

TEST(Plan, DescribesARunByItsPlaceInTheGrid) {
  const Plan plan = plan_of(grid);
  EXPECT_EQ(plan.describe(0), "data.K = 1000, train.learning_rate = 0.1, seed 5");
  EXPECT_EQ(plan.describe(11), "data.K = 500, train.learning_rate = 0.2, seed 3");
  EXPECT_EQ(plan_of("[sweep.axes]\ndata.K = [inf]").describe(0), "data.K = inf, seed 0");
}

TEST(Plan, RefusesValuesThatDisagreeAndSaysWhere) {
  test::expect_error(ExitCode::usage,
                     "the run with data.N = 200, data.K = 100, seed 0: data.K = 100 must be at "
                     "least data.N = 200",
                     [] { plan_of("[sweep.axes]\ndata.N = [20, 200]\ndata.K = [1000, 100]"); });
  test::expect_error(ExitCode::usage, "the run with seed 0: data.K = 8 must be at least",
                     [] { plan_of("data.K = 8"); });
}

TEST(Plan, ShardsShareNoRunAndMakeUpTheWhole) {
  const Plan plan = plan_of(uneven);
  ASSERT_EQ(plan.size(), 30U);
  for (const std::int64_t count : {1, 2, 3, 4, 5, 6, 7, 30, 31}) {
    std::vector<std::size_t> all;
    for (std::int64_t index = 0; index < count; ++index) {
      const auto part = plan.shard({index, count});
      all.insert(all.end(), part.begin(), part.end());
    }
    std::ranges::sort(all);
    std::vector<std::size_t> whole(plan.size());
    std::iota(whole.begin(), whole.end(), std::size_t{0});
    EXPECT_EQ(all, whole) << count;
  }
}

TEST(Plan, AShardIsLongestFirstAndHasItsPartOfEachLength) {
  const Plan plan = plan_of(uneven);
  for (const std::int64_t count : {1, 2, 3, 4, 5, 6, 7}) {
    for (std::int64_t index = 0; index < count; ++index) {
      const auto part = plan.shard({index, count});
      const auto by_length = [&](std::size_t run) { return plan.flop(run); };
      EXPECT_TRUE(std::ranges::is_sorted(part, std::greater{}, by_length)) << index << "/" << count;
      for (const std::int64_t epochs : {1, 2, 4}) {
        const auto same = std::ranges::count(
            part, epochs, [&](std::size_t run) { return plan.config(run).train.epochs; });
        EXPECT_GE(same, 10 / count) << index << "/" << count;
        EXPECT_LE(same, 10 / count + 1) << index << "/" << count;
      }
    }
  }
}

TEST(Plan, OfEquallyLongRunsTheWholeGridComesWithTheFirstSeed) {
  const Plan plan = plan_of("[sweep]\nseeds = 3\n[sweep.axes]\ndata.K = [500, 1000, 2000]");
  EXPECT_THAT(plan.shard({}), ElementsAre(0, 3, 6, 1, 4, 7, 2, 5, 8));
  EXPECT_THAT(plan.shard({1, 2}), ElementsAre(3, 1, 7, 5));
}

TEST(Plan, WorkGrowsWithWhatMakesARunLong) {
  const auto flop = [](const std::string& text) { return plan_of(text).flop(0); };
  const double one = flop("");
  EXPECT_GT(one, 0);
  EXPECT_DOUBLE_EQ(flop("train.epochs = 2000"), 2 * one);
  EXPECT_GT(flop("train.steps_per_epoch = 470"), one);
  EXPECT_GT(flop("train.batch_size = 129"), one);
  EXPECT_GT(flop("eval.sequences = 2001"), one);
  EXPECT_GT(flop("data.N = 101"), one);
  EXPECT_GT(flop("data.D = 64"), one);
  EXPECT_GT(flop("model.hidden = 513"), one);
  // Runs of one sweep are models of their own: what is known of one is not said of the next.
  const Plan blocks = plan_of(
      "model.system = \"blocks\"\nblocks.read_in = \"linear\"\n[sweep]\nseeds = 2\n[sweep.axes]\n"
      "blocks.d_model = [64, 256]\ndata.layout = [\"concatenated\", \"interleaved\"]\n");
  EXPECT_EQ(blocks.flop(0), blocks.flop(1)) << "another seed";
  EXPECT_GT(blocks.flop(4), 2 * blocks.flop(0)) << "wider";
  EXPECT_GT(blocks.flop(2), 1.5 * blocks.flop(0)) << "twice the tokens";
  EXPECT_GT(flop("data.K = inf"), one);
  EXPECT_DOUBLE_EQ(flop("train.learning_rate = 0.5"), one);
  // Within one plan too, where the model may change from run to run.
  const Plan plan = plan_of("[sweep.axes]\nmodel.hidden = [512, 8]\ndata.D = [63, 7]");
  EXPECT_DOUBLE_EQ(plan.flop(0), one);
  EXPECT_LT(plan.flop(1), plan.flop(0));
  EXPECT_LT(plan.flop(2), plan.flop(0));
  EXPECT_LT(plan.flop(3), std::min(plan.flop(1), plan.flop(2)));
}

}  // namespace
}  // namespace icl::sweep
