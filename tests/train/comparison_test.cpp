#include "icl/train/comparison.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <optional>

#include "icl/task/item_label.hpp"
#include "icl/task/plain_encoder.hpp"
#include "icl/task/registry.hpp"
#include "icl/task/regression.hpp"

namespace icl::train {
namespace {

constexpr std::int64_t count = 40;

config::Config configuration(const char* observers) {
  config::Config config;
  config.model.system = config::System::blocks;
  config.data.K = 8;
  config.data.N = 6;
  config.data.D = 3;
  config.data.noise = 0.5;
  config.record.observers = config::Names::from(observers);
  return config;
}

struct Shown {
  explicit Shown(const config::Config& config)
      : encoder(config),
        workers(2),
        task(task::make_task(config, std::nullopt, encoder, workers)),
        batch(task->make_batch(count)),
        outputs({count, config::asked_of(config).outputs}) {
    task->evaluation_batch(task::set_called("iwl"), 0, 0, count, batch, workers);
  }
  task::PlainEncoder encoder;
  Workers workers;
  std::unique_ptr<task::Task> task;
  Batch batch;
  Tensor outputs;
};

TEST(Comparison, OfNumbersIsTheirMeanSquare) {
  config::Config config = configuration("ridge, dmmse");
  config.data.task = config::TaskKind::regression;
  Shown shown(config);
  const auto ridge = shown.task->observer(config::ObserverName::ridge);
  const auto dmmse = shown.task->observer(config::ObserverName::dmmse);
  double ridge_loss = 0;
  double between = 0;
  for (std::int64_t b = 0; b < count; ++b) {
    std::array<double, 1> r{};
    std::array<double, 1> d{};
    ridge->answer(shown.batch, b, r);
    dmmse->answer(shown.batch, b, d);
    shown.outputs[b] = static_cast<Real>(r[0]);
    ridge_loss += std::pow(r[0] - shown.batch.value.row(b)[0], 2) / count;
    between += std::pow(r[0] - d[0], 2) / count;
  }
  Comparison comparison(config, *shown.task, count);
  comparison.begin();
  comparison.add(shown.batch, shown.outputs, shown.workers);
  std::array<ObserverScore, 2> scores;
  comparison.scores(scores);
  EXPECT_NEAR(scores[0].loss, ridge_loss, 1e-12);
  EXPECT_NEAR(scores[0].distance, 0, 1e-12);
  EXPECT_NEAR(scores[1].distance, between, 1e-5);
  EXPECT_GT(between, 0.01);
  EXPECT_LT(scores[1].loss, scores[0].loss) << "on the tasks that it knows";
  comparison.add(shown.batch, shown.outputs, shown.workers);
  std::array<ObserverScore, 2> twice;
  comparison.scores(twice);
  EXPECT_NEAR(twice[1].distance, scores[1].distance, 1e-12) << "a mean";
  comparison.begin();
  comparison.scores(twice);
  EXPECT_TRUE(std::isnan(twice[1].loss)) << "of nothing";
}

TEST(Comparison, OfTwoLabelsIsTheDivergenceOfTheirProbabilities) {
  const config::Config config = configuration("copier, memoriser");
  Shown shown(config);
  Comparison comparison(config, *shown.task, count);
  std::array<ObserverScore, 2> expected{ObserverScore{0, 0}, ObserverScore{0, 0}};
  constexpr std::array names{config::ObserverName::memoriser, config::ObserverName::copier};
  for (std::int64_t b = 0; b < count; ++b) {
    shown.outputs[b] = static_cast<Real>(0.1 * static_cast<double>(b) - 2);
    const double p = 1 / (1 + std::exp(-static_cast<double>(shown.outputs[b])));
    for (std::size_t i = 0; i < 2; ++i) {
      std::array<double, 2> log_q{};
      shown.task->observer(names.at(i))->answer(shown.batch, b, log_q);
      const double q = std::exp(log_q[1]);
      EXPECT_NEAR(std::exp(log_q[0]) + q, 1, 1e-12);
      expected.at(i).loss -= log_q.at(shown.batch.answer[b] > 0 ? 1 : 0) / count;
      if (q > 0) expected.at(i).distance += q * std::log(q / p) / count;
      if (q < 1) expected.at(i).distance += (1 - q) * std::log((1 - q) / (1 - p)) / count;
    }
  }
  comparison.begin();
  comparison.add(shown.batch, shown.outputs, shown.workers);
  std::array<ObserverScore, 2> scores;
  comparison.scores(scores);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(scores.at(i).loss, expected.at(i).loss, 1e-6) << i;
    EXPECT_NEAR(scores.at(i).distance, expected.at(i).distance, 1e-6) << i;
  }
  EXPECT_LT(scores[0].loss, 0.6) << "the memoriser knows the training items, through the noise";
}

// Without noise the memoriser is certain of training items and the copier of copies.
TEST(Comparison, WithoutNoiseEachIsCertainWhereItKnows) {
  config::Config config = configuration("memoriser, copier");
  config.data.noise = 0;
  Shown shown(config);
  Comparison comparison(config, *shown.task, count);
  std::array<ObserverScore, 2> scores;
  for (const auto& [set, memoriser, copier] :
       {std::tuple("iwl", 0.0, std::log(2)), std::tuple("icl", std::log(2), 0.0)}) {
    shown.task->evaluation_batch(task::set_called(set), 0, 0, count, shown.batch, shown.workers);
    comparison.begin();
    comparison.add(shown.batch, shown.outputs, shown.workers);
    comparison.scores(scores);
    EXPECT_NEAR(scores[0].loss, memoriser, 1e-12) << set;
    EXPECT_NEAR(scores[1].loss, copier, 1e-12) << set;
  }
}

TEST(Comparison, OfWhatTheTaskLacksIsNaN) {
  config::Config config = configuration("memoriser");
  config.data.K = config::Diversity::infinity();
  const task::PlainEncoder encoder(config);
  const Workers workers(1);
  const auto task = task::make_task(config, std::nullopt, encoder, workers);
  Comparison comparison(config, *task, count);
  EXPECT_EQ(comparison.observers(), 1);
  comparison.begin();
  std::array<ObserverScore, 1> scores;
  comparison.scores(scores);
  EXPECT_TRUE(std::isnan(scores[0].loss));
}

}  // namespace
}  // namespace icl::train
