#include "icl/task/regression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "icl/task/ideal_observer.hpp"
#include "icl/task/plain_encoder.hpp"
#include "icl/task/training_answers.hpp"

namespace icl::task {
namespace {

struct Sequence {
  std::vector<double> x;  ///< [N, D]
  std::vector<double> y;  ///< [N], the last one asked for
  std::int32_t task;
  bool operator==(const Sequence&) const = default;
};

config::Config configuration(config::Diversity K, double noise = 0) {
  config::Config config;
  config.model.system = config::System::blocks;
  config.data.task = config::TaskKind::regression;
  config.data.K = K;
  config.data.N = 7;
  config.data.D = 3;
  config.data.noise = noise;
  config.train.seed = 4;
  return config;
}

enum class Kind { training, icl, iwl };

struct Bench {
  explicit Bench(const config::Config& c, int threads = 1)
      : config(c), encoder(c), workers(threads), task(c, encoder, workers) {}

  [[nodiscard]] std::vector<Sequence> draw(Kind kind, std::uint64_t step, std::int64_t first,
                                           std::int64_t size) const {
    Batch batch = task.make_batch(size);
    if (kind == Kind::training) {
      task.training_batch(step, size, batch, workers);
    } else {
      const char* name = kind == Kind::icl ? "icl" : "iwl";
      task.evaluation_batch(set_called(name), step, first, size, batch, workers);
    }
    EXPECT_EQ(batch.size, size);
    std::vector<Sequence> all;
    for (std::int64_t b = 0; b < size; ++b) {
      Sequence s{{}, {}, batch.fresh.drawn.row(b)[0]};
      for (std::int64_t j = 0; j < batch.length; ++j) {
        const std::int32_t at = batch.items.row(b)[j];
        const bool is_target = j + 1 == batch.length;
        const Real* row = is_target ? batch.table->target.row(at) : batch.table->context.row(at);
        s.x.insert(s.x.end(), row, row + config.data.D);
        s.y.push_back(is_target ? batch.value.row(b)[0] : row[config.data.D]);
        if (is_target) {
          EXPECT_EQ(row[config.data.D], 0) << "what is asked for is not told";
        }
      }
      all.push_back(s);
    }
    return all;
  }

  /// y - w . x of the task with this number.
  [[nodiscard]] double miss(const Sequence& s, std::int64_t j, std::int32_t m) const {
    double y = s.y[static_cast<std::size_t>(j)];
    for (std::int64_t d = 0; d < config.data.D; ++d) {
      y -= task.weights().row(m)[d] * s.x[static_cast<std::size_t>(j * config.data.D + d)];
    }
    return y;
  }

  config::Config config;
  PlainEncoder encoder;
  Workers workers;
  RegressionTask task;
};

TEST(Regression, AnswersAreThoseOfOneTaskForAWholeSequence) {
  const Bench bench(configuration(6));
  for (const Kind kind : {Kind::training, Kind::iwl}) {
    std::array<int, 6> seen{};
    for (const Sequence& s : bench.draw(kind, 3, 0, 600)) {
      for (std::int64_t j = 0; j < 7; ++j) EXPECT_NEAR(bench.miss(s, j, s.task), 0, 1e-5);
      ++seen.at(static_cast<std::size_t>(s.task));
    }
    // 100 each, standard deviation 9.
    for (const int count : seen) EXPECT_NEAR(count, 100, 45);
  }
}

TEST(Regression, FreshTasksAreNoneOfTheRunsAndAreKnownAfterDPairs) {
  const Bench bench(configuration(6));
  const auto ridge = bench.task.observer(config::ObserverName::ridge);
  Batch batch = bench.task.make_batch(50);
  bench.task.evaluation_batch(set_called("icl"), 0, 0, 50, batch, bench.workers);
  const auto sequences = bench.draw(Kind::icl, 0, 0, 50);
  for (std::int64_t b = 0; b < 50; ++b) {
    const Sequence& s = sequences[static_cast<std::size_t>(b)];
    EXPECT_EQ(s.task, -1);
    for (std::int32_t m = 0; m < 6; ++m) {
      EXPECT_GT(std::abs(bench.miss(s, 0, m)) + std::abs(bench.miss(s, 1, m)), 1e-4);
    }
    std::array<double, 1> answer{};
    ridge->answer(batch, b, answer);
    EXPECT_NEAR(answer[0], s.y.back(), 1e-4) << "one w for all of its pairs";
  }
}

TEST(Regression, TheDiscreteEstimatorKnowsTheTasksOfTheRun) {
  const Bench bench(configuration(6));
  const auto dmmse = bench.task.observer(config::ObserverName::dmmse);
  Batch batch = bench.task.make_batch(50);
  bench.task.evaluation_batch(set_called("iwl"), 0, 0, 50, batch, bench.workers);
  for (std::int64_t b = 0; b < 50; ++b) {
    std::array<double, 1> answer{};
    dmmse->answer(batch, b, answer);
    EXPECT_NEAR(answer[0], batch.value.row(b)[0], 1e-4);
  }
  const Bench endless(configuration(config::Diversity::infinity()));
  EXPECT_EQ(endless.task.observer(config::ObserverName::dmmse), nullptr);
  EXPECT_EQ(bench.task.observer(config::ObserverName::copier), nullptr);
}

TEST(Regression, AskedAtEveryItemAsksForItsY) {
  config::Config config = configuration(6, 0.5);
  config.train.loss_at = config::LossAt::every;
  const Bench bench(config);
  Batch batch = bench.task.make_batch(20);
  bench.task.training_batch(2, 20, batch, bench.workers);
  TrainingAnswers asked(config, 20);
  const Answers answers = asked.of(batch);
  const auto sequences = bench.draw(Kind::training, 2, 0, 20);
  ASSERT_EQ(answers.count, 20 * config.data.N);
  EXPECT_TRUE(answers.labels.empty());
  std::int64_t at = 0;
  for (const Sequence& s : sequences) {
    for (const double y : s.y) EXPECT_EQ(*answers.values.row(at++), y);
  }
}

TEST(Regression, DrawsTheMomentsThatItSays) {
  const Bench bench(configuration(4000, 0.5));
  double squares = 0;
  for (const float w : bench.task.weights().values()) squares += static_cast<double>(w) * w;
  EXPECT_NEAR(squares / 12000, 1, 0.05);  // standard error sqrt(2/12000) = 0.013
  double x = 0;
  double x_squares = 0;
  double noise_squares = 0;
  const auto sequences = bench.draw(Kind::training, 0, 0, 2000);
  for (const Sequence& s : sequences) {
    for (const double one : s.x) {
      x += one;
      x_squares += one * one;
    }
    for (std::int64_t j = 0; j < 7; ++j) noise_squares += std::pow(bench.miss(s, j, s.task), 2);
  }
  EXPECT_NEAR(x / 42000, 0, 0.02);
  EXPECT_NEAR(x_squares / 42000, 1, 0.03);
  EXPECT_NEAR(noise_squares / 14000, 0.25, 0.012);  // standard error 0.25 sqrt(2/14000) = 0.003
}

TEST(Regression, IsAPureFunctionOfSeedSetStepAndIndex) {
  const Bench one(configuration(6, 0.2));
  const Bench three(configuration(6, 0.2), 3);
  for (const Kind kind : {Kind::training, Kind::icl, Kind::iwl}) {
    const auto whole = one.draw(kind, 9, 0, 40);
    EXPECT_EQ(three.draw(kind, 9, 0, 40), whole);
    EXPECT_NE(one.draw(kind, 10, 0, 40), whole);
    if (kind == Kind::training) continue;
    const auto part = one.draw(kind, 9, 17, 20);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 17));
  }
  EXPECT_NE(one.draw(Kind::icl, 9, 0, 1)[0].x, one.draw(Kind::iwl, 9, 0, 1)[0].x);
}

TEST(Regression, HasTheSameInputsWhateverTheNumberOfTasks) {
  const Bench few(configuration(6));
  const Bench endless(configuration(config::Diversity::infinity()));
  EXPECT_EQ(few.draw(Kind::training, 2, 0, 1)[0].x, endless.draw(Kind::training, 2, 0, 1)[0].x);
  EXPECT_EQ(endless.draw(Kind::training, 2, 0, 1)[0].task, -1);
  EXPECT_FALSE(endless.task.has(set_called("iwl")));
  EXPECT_TRUE(endless.task.tables().empty());
}

}  // namespace
}  // namespace icl::task
