#include "icl/train/evaluator.hpp"

#include "icl/task/item_label.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "task/fake_encoder.hpp"

namespace icl::train {
namespace {

using task::Sequence;

constexpr auto infinite = config::Diversity::infinity();

/// A model that answers what the test tells it to, and remembers the sizes of its batches.
class FakeModel final : public model::Model {
 public:
  using Answer = std::function<Real(const Sequence&)>;

  FakeModel(std::int64_t dimension, Answer answer)
      : encoder_(dimension), answer_(std::move(answer)) {}

  [[nodiscard]] std::int64_t token_width() const override { return encoder_.token_width(); }
  void encode(std::span<const float> item, int label, Real* row) const override {
    encoder_.encode(item, label, row);
  }
  [[nodiscard]] std::vector<nn::Parameter*> parameters() override { return {}; }
  void initialise(std::int64_t) override {}
  [[nodiscard]] double mlp_flops(std::int64_t) const override { return 0; }
  [[nodiscard]] std::unique_ptr<model::Activations> new_activations(
      std::int64_t batch, std::int64_t, Storage storage) const override {
    return std::make_unique<State>(batch, storage);
  }
  void forward(const Batch& batch, model::Activations& a, const Workers&) const override {
    sizes.push_back(batch.size);
    attended = a.attending;
    for (std::int64_t b = 0; b < batch.size; ++b) {
      a.logits[b] = answer_(read_sequence(batch, b, encoder_));
    }
  }
  void backward(const Batch&, model::Activations&, const Workers&) override {}

  [[nodiscard]] bool reads_context() const override { return context; }

  mutable std::vector<std::int64_t> sizes;
  mutable nn::Attending attended = nn::Attending::learned;  ///< in the last forward pass
  bool context = true;

 private:
  struct State final : model::Activations {
    using Activations::Activations;
    [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override { return {}; }
    void hold_relus() override {}
  };

  task::FakeEncoder encoder_;
  Answer answer_;
};

config::Config configuration(config::Diversity item_count = 16) {
  config::Config config;
  config.data.K = item_count;
  config.data.N = 6;
  config.data.D = 4;
  return config;
}

/// What a perfect in-context learner says, with margin 2.
Real read_copy(const Sequence& s) {
  for (std::size_t j = 0; j < s.labels.size(); ++j) {
    if (s.items[j] == s.items.back()) return static_cast<Real>(2 * s.labels[j]);
  }
  return -1;
}

/// Something that depends on every part of the sequence.
Real mixture(const Sequence& s) {
  Real sum = 0;
  for (std::size_t j = 0; j < s.labels.size(); ++j) {
    sum += static_cast<Real>(s.labels[j]) * s.items[j][j % 4];
  }
  return sum - 3 * s.items.back()[0];
}

constexpr std::size_t icl_set = task::set_called("icl");
constexpr std::size_t iwl_set = task::set_called("iwl");
constexpr std::size_t equal_set = task::set_called("icl_equal");

config::Config of_size(config::Config config, std::int64_t sequences) {
  config.eval.sequences = sequences;
  return config;
}

struct Bench {
  Bench(config::Diversity item_count, std::int64_t sequences, FakeModel::Answer answer)
      : Bench(configuration(item_count), sequences, std::move(answer)) {}
  Bench(const config::Config& config, std::int64_t sequences, FakeModel::Answer answer)
      : model(4, std::move(answer)),
        task(config, std::nullopt, model, workers),
        evaluator(of_size(config, sequences), task, model) {}

  Workers workers{1};
  FakeModel model;
  task::ItemLabelTask task;
  Evaluator evaluator;
};

TEST(Evaluator, ScoresAPerfectLearnerOfTheContext) {
  for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
    Bench bench(item_count, 500, read_copy);
    const Score icl = bench.evaluator.measure(icl_set, bench.model, 3, bench.workers);
    EXPECT_EQ(icl.accuracy, 1);
    EXPECT_NEAR(icl.loss, std::log1p(std::exp(-2.0)), 1e-14);
  }
}

// Nothing is to be found in the contexts of IWL: the answer -1 is right for half of the labels.
TEST(Evaluator, ScoresTheSameLearnerOnIwlByChance) {
  Bench bench(16, 2000, read_copy);
  const Score iwl = bench.evaluator.measure(iwl_set, bench.model, 3, bench.workers);
  EXPECT_NEAR(iwl.accuracy, 0.5, 0.055);  // 4.9 standard deviations
  EXPECT_NEAR(
      iwl.loss,
      iwl.accuracy * std::log1p(std::exp(-1.0)) + (1 - iwl.accuracy) * std::log1p(std::exp(1.0)),
      1e-12);
}

TEST(Evaluator, OfAnUndecidedModelHasNoneCorrectAndLossLog2) {
  Bench bench(16, 300, [](const Sequence&) { return Real{0}; });
  for (const Score& score : {bench.evaluator.measure(icl_set, bench.model, 0, bench.workers),
                             bench.evaluator.measure(iwl_set, bench.model, 0, bench.workers)}) {
    EXPECT_EQ(score.accuracy, 0);
    EXPECT_NEAR(score.loss, std::numbers::ln2, 1e-15);
  }
}

// 600 sequences go in chunks of 256, 256 and 88; the mean is over all, each once.
TEST(Evaluator, IsTheMeanOverAllSequencesOfTheStep) {
  constexpr std::int64_t count = 600;
  config::Config config = configuration();
  config.data.labels = config::LabelRule::equal_sequence;
  Bench bench(config, count, mixture);
  for (const std::int64_t step : {0, 469}) {
    for (std::size_t set = 0; set < task::evaluation_sets.size(); ++set) {
      SCOPED_TRACE(task::evaluation_sets.at(set).name);
      Batch batch = bench.task.make_batch(count);
      bench.task.evaluation_batch(set, static_cast<std::uint64_t>(step), 0, count, batch,
                                  bench.workers);
      const task::FakeEncoder encoder(4);
      double loss = 0, correct = 0;
      for (std::int64_t b = 0; b < count; ++b) {
        const Sequence s = read_sequence(batch, b, encoder);
        const double margin = static_cast<double>(mixture(s)) * s.answer;
        loss += std::log1p(std::exp(-margin));
        correct += margin > 0 ? 1 : 0;
      }
      bench.model.sizes.clear();
      const Score score = bench.evaluator.measure(set, bench.model, step, bench.workers);
      EXPECT_EQ(bench.model.sizes, (std::vector<std::int64_t>{256, 256, 88}));
      EXPECT_NEAR(score.loss, loss / count, 1e-13);
      EXPECT_EQ(score.accuracy, correct / count);
    }
  }
}

TEST(Evaluator, TakesFreshSequencesForEachStepAndTheSameOnesAgain) {
  Bench bench(16, 200, mixture);
  const Score first = bench.evaluator.measure(icl_set, bench.model, 1, bench.workers);
  const Score other = bench.evaluator.measure(icl_set, bench.model, 2, bench.workers);
  (void)bench.evaluator.measure(iwl_set, bench.model, 1, bench.workers);
  const Score again = bench.evaluator.measure(icl_set, bench.model, 1, Workers(5));
  EXPECT_NE(first.loss, other.loss);
  EXPECT_EQ(first.loss, again.loss);
  EXPECT_EQ(first.accuracy, again.accuracy);
}

TEST(Evaluator, HasNoIwlAtInfiniteDiversity) {
  Bench bench(infinite, 100, mixture);
  const Score iwl = bench.evaluator.measure(iwl_set, bench.model, 1, bench.workers);
  EXPECT_TRUE(std::isnan(iwl.loss) && std::isnan(iwl.accuracy));
  EXPECT_TRUE(bench.model.sizes.empty());
}

bool is_nothing(const Score& score) { return std::isnan(score.loss) && std::isnan(score.accuracy); }

TEST(Evaluator, HasTheLabelRuleOfTrainingOnlyWhereThatIsAnother) {
  using enum config::LabelRule;
  for (const config::LabelRule labels : {independent, equal_sequence}) {
    config::Config config = configuration();
    config.data.labels = labels;
    Bench bench(config, 100, mixture);
    const Score score = bench.evaluator.measure(equal_set, bench.model, 1, bench.workers);
    EXPECT_EQ(is_nothing(score), labels == independent);
    EXPECT_EQ(bench.model.sizes.empty(), labels == independent);
  }
}

// It is asked for its training items, one token a sequence.
TEST(Evaluator, HasNoIclForAModelThatReadsNoContext) {
  const Workers workers(1);
  FakeModel model(4, [](const Sequence& s) {
    EXPECT_TRUE(s.labels.empty());
    return Real{1};
  });
  model.context = false;
  const task::ItemLabelTask task(configuration(), std::nullopt, model, workers);
  Evaluator evaluator(of_size(configuration(), 100), task, model);
  EXPECT_TRUE(is_nothing(evaluator.measure(icl_set, model, 1, workers)));
  EXPECT_TRUE(model.sizes.empty());
  EXPECT_FALSE(is_nothing(evaluator.measure(iwl_set, model, 1, workers)));
}

TEST(Evaluator, ClampsAttentionUntilToldOtherwise) {
  Bench bench(16, 100, mixture);
  for (const nn::Attending attending :
       {nn::Attending::copy, nn::Attending::none, nn::Attending::learned}) {
    bench.evaluator.attend(attending);
    (void)bench.evaluator.measure(icl_set, bench.model, 1, bench.workers);
    EXPECT_EQ(bench.model.attended, attending);
    (void)bench.evaluator.measure(iwl_set, bench.model, 1, bench.workers);
    EXPECT_EQ(bench.model.attended, attending);
  }
}

TEST(Evaluator, LooksNoLongerThanADecisionTakes) {
  Bench bench(16, 1000, mixture);
  const double accuracy = bench.evaluator.measure(icl_set, bench.model, 1, bench.workers).accuracy;
  const std::vector<std::int64_t> all = std::exchange(bench.model.sizes, {});
  const auto above = [&](double threshold) {
    bench.model.sizes.clear();
    return bench.evaluator.is_above(threshold, icl_set, bench.model, 1, bench.workers);
  };
  EXPECT_FALSE(above(accuracy));  // equal is not above
  EXPECT_EQ(bench.model.sizes, all);
  EXPECT_TRUE(above(std::nextafter(accuracy, 0.0)));
  EXPECT_EQ(bench.model.sizes, all);
  EXPECT_FALSE(above(0.99));  // decided by the first chunk
  EXPECT_EQ(bench.model.sizes.size(), 1U);
}

TEST(Evaluator, LetsNanThrough) {
  std::int64_t calls = 0;
  Bench bench(16, 300, [&](const Sequence&) {
    return ++calls == 299 ? std::numeric_limits<Real>::quiet_NaN() : Real{1};
  });
  EXPECT_TRUE(std::isnan(bench.evaluator.measure(icl_set, bench.model, 0, bench.workers).loss));
}

}  // namespace
}  // namespace icl::train
