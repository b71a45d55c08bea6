#include "icl/train/initial_beta.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "icl/core/error.hpp"
#include "icl/task/item_label.hpp"
#include "icl/task/seeds.hpp"
#include "support/models.hpp"
#include "train/diary.hpp"

namespace icl::train {
namespace {

const Workers workers(2);

config::Config configuration(std::int64_t length, std::int64_t dimension, std::int64_t seed) {
  config::Config config;
  config.model.hidden = 8;
  config.data.K = 200;
  config.data.N = length;
  config.data.D = dimension;
  config.train.seed = seed;
  return config;
}

struct Probed {
  double beta, deviation;
};
/// What the probe of a run records at step 0.
Probed probed(const config::Config& config) {
  Trainer trainer(config, workers);
  Diary diary;
  std::atomic<bool> stop{false};
  diary.on_evaluated = [&](const Progress&) { stop = true; };
  run(trainer, diary, stop);
  const auto& probes = diary.evaluations.front().probes;
  return {probes["effective_beta"], probes["effective_beta_deviation"]};
}

/// Of a mean over n sequences, beside one over those that the wish is set on.
double bound(double deviation, double n) {
  return 4 * deviation * std::sqrt(1 / n + 1.0 / InitialBeta::sequences) + InitialBeta::tolerance;
}

void expect_recorded(config::Config config, double wish) {
  config.init.beta0 = wish;
  const Probed found = probed(config);
  const auto n = static_cast<double>(config.probe.sequences);
  EXPECT_NEAR(found.beta, wish, bound(found.deviation, n))
      << "N = " << config.data.N << ", D = " << config.data.D << ", seed " << config.train.seed;
  EXPECT_LT(bound(found.deviation, n), 0.7) << "too loose to be a test";
}

TEST(InitialBeta, IsWhatTheProbeRecordsAtStep0) {
  for (const std::int64_t length : {3, 12, 60}) {
    for (const std::int64_t dimension : {16, 63}) {
      for (const std::int64_t seed : {0, 1, 2}) {
        auto config = configuration(length, dimension, seed);
        config.data.K = 4000;
        config.probe.sequences = 2000;
        expect_recorded(config, 1.5);
        expect_recorded(config, -3);
      }
    }
  }
}

TEST(InitialBeta, HoldsForEveryKindOfData) {
  auto config = configuration(12, 20, 4);
  config.probe.sequences = 2000;
  config.data.K = config::Diversity::infinity();
  expect_recorded(config, 2);
  config.data.K = 4000;
  config.data.noise = 0.5;
  expect_recorded(config, 1);
  config.data.noise = 0;
  config.data.label_code = config::LabelCode::scalar;
  expect_recorded(config, 2);
  config.data.zipf = 1;
  expect_recorded(config, 2);
}

/// A model of that configuration and the task that it meets.
struct Bench {
  explicit Bench(const config::Config& config)
      : seed(task::Seeds(config).init),
        model(model::make_model(config)),
        task(config, std::nullopt, *model, workers) {}
  std::int64_t seed;
  std::unique_ptr<model::Model> model;
  task::ItemLabelTask task;
};

TEST(InitialBeta, IsTheWishOnTheSequencesThatItIsSetOn) {
  Bench bench(configuration(12, 63, 5));
  for (const double wish : {-6.0, 0.0, 0.25, 4.0, 9.0}) {
    initialise_with_beta(wish, bench.seed, bench.task, *bench.model, workers);
    EXPECT_NEAR(initial_beta(bench.task, *bench.model, workers), wish, InitialBeta::tolerance);
  }
}

// What is probed, and on which sequences, is a matter of measuring.
TEST(InitialBeta, ChangesTheQueriesOfItemsAlone) {
  config::Config config = configuration(12, 20, 6);
  const auto values = [](const config::Config& c) {
    return Trainer(c, workers).state().parameters;
  };
  const Values drawn = values(config);
  config.init.beta0 = 2;
  const Values set = values(config);
  const std::int64_t X = 22;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    for (std::size_t k = 0; k < drawn[i].size(); ++k) {
      const auto row = static_cast<std::int64_t>(k) / X;
      const auto column = static_cast<std::int64_t>(k) % X;
      constexpr std::size_t qkv = 2;
      const bool query_of_items = i == qkv && row < X && column < config.data.D;
      ASSERT_EQ(drawn[i][k] != set[i][k], query_of_items) << i << ' ' << k;
    }
  }
  config.probe.sequences = 7;
  config.seed.eval = 99;
  EXPECT_EQ(values(config), set);
}

TEST(InitialBeta, HasTheSameBitsForAnyNumberOfWorkers) {
  config::Config config = configuration(12, 20, 7);
  config.init.beta0 = 1;
  EXPECT_TRUE(same_bits(Trainer(config, Workers(1)).state().parameters,
                        Trainer(config, Workers(3)).state().parameters));
}

// The scores of two-dimensional items on others are as large as those on their copies.
TEST(InitialBeta, OutOfReachIsSaid) {
  config::Config config = configuration(60, 1, 8);
  config.init.beta0 = 19;
  try {
    const Trainer trainer(config, workers);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("init.beta0 = 19"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace icl::train
