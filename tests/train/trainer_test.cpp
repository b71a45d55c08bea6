#include "icl/train/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/nn/logistic_loss.hpp"
#include "icl/task/item_label.hpp"
#include "icl/task/registry.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/schedule.hpp"

#include "support/random.hpp"
#include "train/diary.hpp"

namespace icl::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// --- The order of events ---

TEST(Trainer, TellsEventsInOrder) {
  config::Config config = small();
  config.record.snapshots = 4;  // 0, 1, 3 and 12
  ASSERT_THAT(log_steps(4, 12), ElementsAre(0, 1, 3, 12));
  const WholeRun result(config);
  EXPECT_EQ(result.outcome, Outcome::completed);
  EXPECT_EQ(result.diary.events,
            "eval0 snap0 snap1 step1 step2 snap3 step3 eval4 step4 step5 step6 step7 eval8 step8 "
            "step9 step10 step11 eval12 snap12 end12");
  EXPECT_EQ(result.trainer.last_step(), 12);
  EXPECT_EQ(result.trainer.progress().step, 12);
  EXPECT_EQ(result.diary.last, result.trainer.state());
}

TEST(Trainer, TakesTheFinalSnapshotOnceWhateverTheSchedule) {
  for (const std::int64_t snapshots : {0, 1, 2, 12}) {
    config::Config config = small();
    config.record.snapshots = snapshots;
    const WholeRun result(config);
    EXPECT_THAT(result.diary.events, testing::EndsWith("eval12 snap12 end12")) << snapshots;
    EXPECT_EQ(result.diary.events.find("snap12"), result.diary.events.rfind("snap12"));
    EXPECT_EQ(result.diary.snapshots.back(), result.diary.last.parameters);
  }
}

TEST(Trainer, TellsEveryObserver) {
  Trainer trainer(small(), Workers(1));
  Diary first, second;
  const std::array<Observer*, 2> observers{&first, &second};
  (void)trainer.run(observers, go_on);
  EXPECT_EQ(first.events, second.events);
  EXPECT_THAT(second.events, testing::EndsWith("end12"));
}

TEST(Trainer, ShowsTheInitialParametersFirst) {
  config::Config config = small();
  config.record.snapshots = 2;
  const auto model = model::make_model(config);
  model->initialise(task::Seeds(config).init);
  const auto parameters = model->parameters();
  const WholeRun result(config);
  EXPECT_EQ(result.diary.snapshots.front(),
            copy_values(std::vector<const nn::Parameter*>(parameters.begin(), parameters.end())));
  EXPECT_NE(result.diary.snapshots.front(), result.diary.snapshots.back());
}

// --- What is measured ---

// The same run written out: one batch a step, forward, loss, backward with the update.
TEST(Trainer, MakesTheStepsOfSgdAndMeansOfTheirLosses) {
  for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
    config::Config config = small();
    config.data.K = item_count;
    config.probe.sequences = 0;
    const WholeRun result(config);

    const Workers workers(1);
    const auto model = model::make_model(config);
    model->initialise(task::Seeds(config).init);
    const task::ItemLabelTask task(config, std::nullopt, *model, workers);
    Evaluator evaluator(config, task, *model);
    Batch batch = task.make_batch(config.train.batch_size);
    const auto activations = model->make_activations(config.train.batch_size, config.data.N);
    const auto parameters = model->parameters();
    const auto sgd = make_optimizer(config.train, parameters);
    const std::vector<double> factors(parameters.size(), 1);
    double loss = 0, correct = 0;
    std::vector<Evaluation> expected;
    const auto measure = [&](std::int64_t step, double sequences) {
      Evaluation evaluation;
      evaluation.step = step;
      evaluation.train = {loss / sequences, correct / sequences};
      evaluation.sets.at(task::set_called("icl")) =
          evaluator.measure(task::set_called("icl"), *model, step, workers);
      evaluation.sets.at(task::set_called("iwl")) =
          evaluator.measure(task::set_called("iwl"), *model, step, workers);
      expected.push_back(std::move(evaluation));
      loss = correct = 0;
    };
    for (std::int64_t step = 0; step < 12; ++step) {
      task.training_batch(static_cast<std::uint64_t>(step), 10, batch, workers);
      model->forward(batch, *activations, workers);
      const auto sums = nn::logistic_loss(activations->logits.values(), batch.answer.values());
      loss += sums.loss;
      correct += static_cast<double>(sums.correct);
      if (step == 0) {  // the first row has the first batch, and so has the second
        measure(0, 10);
        loss = sums.loss;
        correct = static_cast<double>(sums.correct);
        model->forward(batch, *activations, workers);
      }
      nn::logistic_loss_gradient(activations->logits.values(), batch.answer.values(),
                                 activations->dlogits.values());
      sgd->prepare(factors);
      model->backward(batch, *activations, workers);
      if (step % 4 == 3) measure(step + 1, 40);
    }
    EXPECT_TRUE(equal(result.diary.evaluations, expected));
    EXPECT_EQ(result.diary.last.parameters,
              copy_values(std::vector<const nn::Parameter*>(parameters.begin(), parameters.end())));
  }
}

// The textbook's loss of every answer, of one batch.
TEST(Trainer, AskedAtEveryPositionMeansOverAllAnswers) {
  for (const std::string keys : {"data.task=chains", "data.layout=interleaved"}) {
    const std::vector<std::string> settings{"model.system=blocks", "train.loss_at=every", keys};
    config::Config config = config::with_overrides(small(), settings);
    config.probe.sequences = 0;
    const WholeRun result(config);
    const Workers workers(1);
    const auto model = model::make_model(config);
    model->initialise(task::Seeds(config).init);
    const auto task = task::make_task(config, std::nullopt, *model, workers);
    Batch batch = task->make_batch(config.train.batch_size);
    task->training_batch(0, config.train.batch_size, batch, workers);
    const auto activations =
        model->make_training_activations(config.train.batch_size, config.data.N);
    model->forward(batch, *activations, workers);
    const std::int64_t n = config.data.N;
    const bool chains = keys == "data.task=chains";
    double loss = 0, correct = 0;
    for (std::int64_t i = 0; i < config.train.batch_size * n; ++i) {
      const std::int64_t b = i / n;
      const std::int64_t j = i % n;
      const bool last = j + 1 == n;
      const Real* z = activations->logits.row(i);
      if (chains) {
        const std::int32_t next = last ? batch.answer[b] - 1 : batch.items.row(b)[j + 1];
        double sum = 0;
        for (std::int64_t c = 0; c < config.data.D; ++c) sum += std::exp(double{z[c]});
        loss += std::log(sum) - double{z[next]};
        correct += std::max_element(z, z + config.data.D) == z + next ? 1 : 0;
      } else {
        const Real label = last ? static_cast<Real>(batch.answer[b])
                                : batch.table->context.row(batch.items.row(b)[j])[config.data.D];
        loss += std::log1p(std::exp(-double{label} * double{z[0]}));
        correct += label * z[0] > 0 ? 1 : 0;
      }
    }
    const auto count = static_cast<double>(config.train.batch_size * n);
    const Score& first = result.diary.evaluations.front().train;
    EXPECT_NEAR(first.loss, loss / count, 1e-12) << keys;
    EXPECT_NEAR(first.accuracy, correct / count, 1e-12) << keys;
  }
}

TEST(Trainer, HasNoIwlAtInfiniteDiversity) {
  config::Config config = small();
  config.data.K = infinite;
  const WholeRun result(config);
  EXPECT_EQ(result.diary.evaluations.size(), 4U);
  for (const Evaluation& e : result.diary.evaluations) {
    EXPECT_TRUE(std::isnan(e.on("iwl").loss) && std::isnan(e.on("iwl").accuracy));
    EXPECT_TRUE(std::isfinite(e.on("icl").loss) && std::isfinite(e.train.loss));
  }
}

// The labels of training follow one rule, those of the ICL evaluation another.
TEST(Trainer, EvaluatesUnderTheLabelRuleOfTrainingTooIfThatIsAnother) {
  config::Config config = small();
  EXPECT_TRUE(std::isnan(WholeRun(config).diary.evaluations.back().on("icl_equal").loss));
  config.data.labels = config::LabelRule::equal_sequence;
  for (const Evaluation& e : WholeRun(config).diary.evaluations) {
    EXPECT_TRUE(std::isfinite(e.on("icl_equal").loss) && std::isfinite(e.on("icl_equal").accuracy));
    EXPECT_NE(e.on("icl_equal").loss, e.on("icl").loss);
  }
}

TEST(Trainer, TakesTheItemsThatItIsGiven) {
  const config::Config config = small();
  task::GivenItems given{
      {16, 1, 8, std::vector<float>(128), {}}, {4, 1, 8, std::vector<float>(32), {}}, ""};
  test::fill_normal(std::span(given.training.rows), 1);
  test::fill_normal(std::span(given.novel.rows), 2);
  for (int k = 0; k < 16; ++k) given.training.labels.push_back(k % 2 == 0 ? 1 : -1);
  Trainer trainer(config, Workers(1), given);
  Diary diary;
  (void)run(trainer, diary);

  const Workers workers(1);
  const auto model = model::make_model(config);
  model->initialise(task::Seeds(config).init);
  const task::ItemLabelTask task(config, given, *model, workers);
  Evaluator evaluator(config, task, *model);
  EXPECT_TRUE(equal(diary.evaluations.front().on("icl"),
                    evaluator.measure(task::set_called("icl"), *model, 0, workers)));
  EXPECT_TRUE(equal(diary.evaluations.front().on("iwl"),
                    evaluator.measure(task::set_called("iwl"), *model, 0, workers)));
  EXPECT_NE(diary.evaluations.front().on("icl").loss,
            WholeRun(config).diary.evaluations[0].on("icl").loss);
}

TEST(Trainer, EvaluatesWhenItIsDue) {
  config::Config config = small();
  config.eval.every = 5;
  config.eval.log_points = 4;  // 12^(i/3): 1, 2, 5 and 12
  EXPECT_THAT(steps_of(WholeRun(config).diary), ElementsAre(0, 1, 2, 5, 10, 12));
}

// --- Divergence ---

TEST(Trainer, EndsWhenItDivergesWithoutAFurtherSnapshot) {
  for (const double learning_rate : {1e3, 1e6, 1e20, 1e37}) {
    config::Config config = small();
    config.train.learning_rate = learning_rate;
    config.train.epochs = 100;
    config.record.snapshots = 2;
    WholeRun result(config);
    ASSERT_EQ(result.outcome, Outcome::diverged) << learning_rate;
    const Diary& diary = result.diary;
    const std::int64_t step = diary.last.progress.step;
    EXPECT_LT(step, 400);
    EXPECT_EQ(diary.snapshots.size(), 1U);
    EXPECT_THAT(diary.events, testing::EndsWith("end" + std::to_string(step)));
    EXPECT_THAT(result.trainer.fault(), HasSubstr("step " + std::to_string(step)));
    if (step > 0) {  // the last state that observers saw is whole, and no step was made after it
      EXPECT_EQ(diary.last_stepped.progress, diary.last.progress);
      EXPECT_TRUE(finite(diary.last_stepped.parameters)) << learning_rate;
    }
  }
}

TEST(Trainer, SaysWhatIsNotFiniteWhenTheLossIsNot) {
  Trainer trainer(small(), Workers(1));
  trainer.parameters().back()->value[0] = std::numeric_limits<Real>::quiet_NaN();
  const std::string name = trainer.parameters().back()->name;
  const Values before = trainer.state().parameters;
  Diary diary;
  EXPECT_EQ(run(trainer, diary), Outcome::diverged);
  EXPECT_EQ(diary.events, "end0");
  EXPECT_THAT(trainer.fault(), testing::AllOf(HasSubstr("step 0"), HasSubstr(name)));
  for (std::size_t i = 0; i + 1 < before.size(); ++i) {
    EXPECT_EQ(diary.last.parameters[i], before[i]) << "changed by a step that was not to be made";
  }
}

// The decay (1 - lr lambda) w takes the one weight of 100 beyond the largest float, while the loss
// of that step is finite.
TEST(Trainer, SaysWhichParameterAnUpdateMadeInfinite) {
  config::Config config = small();
  config.train.learning_rate = 1;
  config.train.weight_decay_mlp = 1e37;
  Trainer trainer(config, Workers(1));
  nn::Parameter& last = *trainer.parameters().back();
  ASSERT_EQ(last.group, nn::Group::mlp);
  last.value[0] = 100;
  Diary diary;
  EXPECT_EQ(run(trainer, diary), Outcome::diverged);
  EXPECT_EQ(diary.events, "eval0 end0");
  EXPECT_THAT(trainer.fault(), testing::AllOf(HasSubstr("step 0"), HasSubstr(last.name)));
}

// --- Bits and memory ---

// Wide and deep enough that every layer has several tiles.
TEST(Trainer, HasTheSameBitsForAnyNumberOfWorkers) {
  for (const config::Diversity item_count : {config::Diversity(600), infinite}) {
    config::Config config = small();
    config.model.hidden = 300;
    config.train.epochs = 1;
    config.data.K = item_count;
    config.train.batch_size = 70;
    config.train.steps_per_epoch = 15;
    config.eval.sequences = 300;
    const WholeRun one(config, 1);
    for (const int threads : {2, 3, 8}) {
      const WholeRun other(config, threads);
      EXPECT_EQ(other.diary.last, one.diary.last) << threads << " workers";
      EXPECT_TRUE(equal(other.diary.evaluations, one.diary.evaluations)) << threads << " workers";
    }
  }
}

}  // namespace
}  // namespace icl::train
