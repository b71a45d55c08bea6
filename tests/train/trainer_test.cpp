#include "icl/train/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"
#include "icl/nn/logistic_loss.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/schedule.hpp"

namespace icl::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto infinite = config::Diversity::infinity();
const std::atomic<bool> go_on{false};

/// A run of twelve steps with an evaluation after every fourth.
config::Config small() {
  config::Config config;
  config.model.hidden = 16;
  config.data = {.K = 16, .N = 6, .D = 8};
  config.train.seed = 3;
  config.train.epochs = 3;
  config.train.steps_per_epoch = 4;
  config.train.batch_size = 10;
  config.train.learning_rate = 0.1;
  config.eval.sequences = 40;
  config.record.snapshots = 0;
  return config;
}

using Values = std::vector<std::vector<Real>>;

/// Writes down all that it is told.
class Diary final : public Observer {
 public:
  void stepped(const Progress& p, std::span<const nn::Parameter* const> parameters) override {
    note("step", p.step);
    last_stepped = {p, copy_values(parameters)};
    if (on_step) on_step(p);
  }
  void evaluated(const Evaluation& e, const Progress& p) override {
    note("eval", e.step);
    EXPECT_EQ(p.step, e.step);
    evaluations.push_back(e);
    t_icl.push_back(p.t_icl_step);
  }
  void snapshot(std::int64_t step, std::span<const nn::Parameter* const> parameters) override {
    note("snap", step);
    snapshots.push_back(copy_values(parameters));
  }
  void ended(Outcome o, const Progress& p,
             std::span<const nn::Parameter* const> parameters) override {
    note("end", p.step);
    outcome = o;
    last = {p, copy_values(parameters)};
  }

  std::string events;
  std::vector<Evaluation> evaluations;
  std::vector<std::optional<std::int64_t>> t_icl;  ///< as known at each evaluation
  std::vector<Values> snapshots;
  std::optional<Outcome> outcome;
  State last_stepped;
  State last;
  std::function<void(const Progress&)> on_step;

 private:
  void note(const char* what, std::int64_t step) {
    events += (events.empty() ? "" : " ") + std::string(what) + std::to_string(step);
  }
};

Outcome run(Trainer& trainer, Diary& diary, const std::atomic<bool>& stop = go_on) {
  const std::array<Observer*, 1> observers{&diary};
  const Outcome outcome = trainer.run(observers, stop);
  EXPECT_EQ(diary.outcome, outcome);
  return outcome;
}

struct WholeRun {
  explicit WholeRun(const config::Config& config, int threads = 1)
      : trainer(config, Workers(threads)), outcome(run(trainer, diary)) {}

  Diary diary;
  Trainer trainer;
  Outcome outcome;
};

std::vector<std::int64_t> steps_of(const Diary& diary) {
  std::vector<std::int64_t> steps;
  for (const Evaluation& e : diary.evaluations) steps.push_back(e.step);
  return steps;
}

bool equal(const Score& a, const Score& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return same(a.loss, b.loss) && same(a.accuracy, b.accuracy);
}

bool equal(const Evaluation& a, const Evaluation& b) {
  return a.step == b.step && equal(a.train, b.train) && equal(a.icl, b.icl) && equal(a.iwl, b.iwl);
}

bool equal(const std::vector<Evaluation>& a, const std::vector<Evaluation>& b) {
  return std::ranges::equal(a, b,
                            [](const Evaluation& x, const Evaluation& y) { return equal(x, y); });
}

bool finite(const Values& values) {
  return std::ranges::all_of(values, [](const std::vector<Real>& v) {
    return std::ranges::all_of(v, [](Real x) { return std::isfinite(x); });
  });
}

class TrainerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { prepare_blas(); }
};

// --- The order of events ---

TEST_F(TrainerTest, TellsEventsInOrder) {
  config::Config config = small();
  config.record.snapshots = 4;  // 0, 1, 3 and 12
  ASSERT_THAT(snapshot_steps(4, 12), ElementsAre(0, 1, 3, 12));
  const WholeRun result(config);
  EXPECT_EQ(result.outcome, Outcome::completed);
  EXPECT_EQ(result.diary.events,
            "eval0 snap0 snap1 step1 step2 snap3 step3 eval4 step4 step5 step6 step7 eval8 step8 "
            "step9 step10 step11 eval12 snap12 end12");
  EXPECT_EQ(result.trainer.last_step(), 12);
  EXPECT_EQ(result.trainer.progress().step, 12);
  EXPECT_EQ(result.diary.last, result.trainer.state());
}

TEST_F(TrainerTest, TakesTheFinalSnapshotOnceWhateverTheSchedule) {
  for (const std::int64_t snapshots : {0, 1, 2, 12}) {
    config::Config config = small();
    config.record.snapshots = snapshots;
    const WholeRun result(config);
    EXPECT_THAT(result.diary.events, testing::EndsWith("eval12 snap12 end12")) << snapshots;
    EXPECT_EQ(result.diary.events.find("snap12"), result.diary.events.rfind("snap12"));
    EXPECT_EQ(result.diary.snapshots.back(), result.diary.last.parameters);
  }
}

TEST_F(TrainerTest, TellsEveryObserver) {
  Trainer trainer(small(), Workers(1));
  Diary first, second;
  const std::array<Observer*, 2> observers{&first, &second};
  (void)trainer.run(observers, go_on);
  EXPECT_EQ(first.events, second.events);
  EXPECT_THAT(second.events, testing::EndsWith("end12"));
}

TEST_F(TrainerTest, ShowsTheInitialParametersFirst) {
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

TEST_F(TrainerTest, RefusesASystemThatDoesNotExist) {
  config::Config config = small();
  config.model.system = "perceptron";
  EXPECT_THROW(Trainer(config, Workers(1)), Error);
}

// --- What is measured ---

// The same run written out: one batch a step, forward, loss, backward with the update.
TEST_F(TrainerTest, MakesTheStepsOfSgdAndMeansOfTheirLosses) {
  for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
    config::Config config = small();
    config.data.K = item_count;
    const WholeRun result(config);

    const Workers workers(1);
    const auto model = model::make_model(config);
    model->initialise(task::Seeds(config).init);
    const task::Task task(config, *model, workers);
    const Sgd sgd(config.train);
    Evaluator evaluator(task, *model, config.eval.sequences, config.data.N);
    Batch batch = task.make_batch(config.train.batch_size);
    const auto activations = model->make_activations(config.train.batch_size, config.data.N);
    const auto parameters = model->parameters();
    double loss = 0, correct = 0;
    std::vector<Evaluation> expected;
    const auto measure = [&](std::int64_t step, double sequences) {
      expected.push_back({step,
                          {loss / sequences, correct / sequences},
                          evaluator.icl(*model, step, workers),
                          evaluator.iwl(*model, step, workers)});
      loss = correct = 0;
    };
    for (std::int64_t step = 0; step < 12; ++step) {
      task.training_batch(static_cast<std::uint64_t>(step), 10, batch, workers);
      model->forward(batch, *activations, workers);
      const auto sums = nn::logistic_loss(10, activations->logits.data(), batch.answer.data());
      loss += sums.loss;
      correct += static_cast<double>(sums.correct);
      if (step == 0) {  // the first row has the first batch, and so has the second
        measure(0, 10);
        loss = sums.loss;
        correct = static_cast<double>(sums.correct);
        model->forward(batch, *activations, workers);
      }
      nn::logistic_loss_gradient(10, activations->logits.data(), batch.answer.data(),
                                 activations->dlogits.data());
      sgd.prepare(parameters);
      model->backward(batch, *activations, workers);
      if (step % 4 == 3) measure(step + 1, 40);
    }
    EXPECT_TRUE(equal(result.diary.evaluations, expected));
    EXPECT_EQ(result.diary.last.parameters,
              copy_values(std::vector<const nn::Parameter*>(parameters.begin(), parameters.end())));
  }
}

TEST_F(TrainerTest, HasNoIwlAtInfiniteDiversity) {
  config::Config config = small();
  config.data.K = infinite;
  const WholeRun result(config);
  EXPECT_EQ(result.diary.evaluations.size(), 4U);
  for (const Evaluation& e : result.diary.evaluations) {
    EXPECT_TRUE(std::isnan(e.iwl.loss) && std::isnan(e.iwl.accuracy));
    EXPECT_TRUE(std::isfinite(e.icl.loss) && std::isfinite(e.train.loss));
  }
}

// --- Early stop, t_ICL and the two ways of learning ---

/// Acquires ICL or memorises within a thousand steps.
config::Config toy(config::Diversity item_count) {
  config::Config config;
  config.model.hidden = 64;
  config.data = {.K = item_count, .N = 4, .D = 16};
  config.train.seed = 1;
  config.train.epochs = 5;
  config.train.steps_per_epoch = 200;
  config.train.batch_size = 64;
  config.train.learning_rate = 0.2;
  config.eval.sequences = 500;
  config.record.snapshots = 0;
  return config;
}

const Diary& diary_of_icl() {
  static const WholeRun whole(toy(infinite));
  return whole.diary;
}

// Four seeds tried had accuracy above 0.996 from step 400 on.
TEST_F(TrainerTest, LearnsInContextWhereNothingCanBeMemorised) {
  const Diary& diary = diary_of_icl();
  EXPECT_NEAR(diary.evaluations.front().icl.accuracy, 0.5, 0.11);
  EXPECT_GT(diary.evaluations.back().icl.accuracy, 0.98);
  EXPECT_LT(diary.evaluations.back().train.loss, 0.1);
}

// Chance for 16 novel items with fixed labels is a matter of luck: with a learner that ignores the
// context, between 0.3 and 0.9 for the four seeds tried.
TEST_F(TrainerTest, MemorisesFewItems) {
  const WholeRun result(toy(16));
  const Evaluation& first = result.diary.evaluations.front();
  const Evaluation& last = result.diary.evaluations.back();
  EXPECT_NEAR(first.iwl.accuracy, 0.5, 0.11);
  EXPECT_GT(last.iwl.accuracy, 0.95);
  EXPECT_LT(last.icl.accuracy, 0.95);
  EXPECT_EQ(result.trainer.progress().t_icl_step, std::nullopt);
  for (const auto& t : result.diary.t_icl) EXPECT_EQ(t, std::nullopt);
}

// With 4096 items ICL is faster: the rates decide.
TEST_F(TrainerTest, LearnsInContextWhereMemorisingTakesLong) {
  const WholeRun result(toy(4096));
  EXPECT_GT(result.diary.evaluations.back().icl.accuracy, 0.95);
  EXPECT_NEAR(result.diary.evaluations.back().iwl.accuracy, 0.5, 0.11);
}

TEST_F(TrainerTest, AcquisitionIsTheFirstEvaluationAbove95Percent) {
  const Diary& diary = diary_of_icl();
  std::optional<std::int64_t> expected;
  for (std::size_t i = 0; i < diary.evaluations.size(); ++i) {
    if (!expected && diary.evaluations[i].icl.accuracy > 0.95) {
      expected = diary.evaluations[i].step;
    }
    EXPECT_EQ(diary.t_icl[i], expected) << i;
  }
  ASSERT_TRUE(expected);
  EXPECT_LT(*expected, diary.evaluations.back().step);  // so that later ones could overwrite it
  EXPECT_EQ(diary.last.progress.t_icl_step, expected);
}

TEST_F(TrainerTest, StopsEarlyAtTheFirstEvaluationAboveTheThreshold) {
  const Diary& whole = diary_of_icl();
  // A threshold that the second evaluation is the first to pass.
  const double before = whole.evaluations[0].icl.accuracy;
  const double after = whole.evaluations[1].icl.accuracy;
  ASSERT_GT(after, before);
  config::Config config = toy(infinite);
  config.record.snapshots = 2;
  config.stop.icl_accuracy = (before + after) / 2;
  const WholeRun result(config);
  EXPECT_EQ(result.outcome, Outcome::early_stopped);
  EXPECT_THAT(steps_of(result.diary), ElementsAre(0, 200));
  EXPECT_THAT(result.diary.events, testing::EndsWith("step199 eval200 snap200 end200"));
  EXPECT_TRUE(equal(result.diary.evaluations[1], whole.evaluations[1]));
  // Equal is not above.
  config.stop.icl_accuracy = after;
  config.train.epochs = 1;
  EXPECT_EQ(WholeRun(config).outcome, Outcome::completed);
}

TEST_F(TrainerTest, StopsEarlyAtOnceIfTheStartIsGoodEnough) {
  config::Config config = small();
  config.stop.icl_accuracy = 0.01;
  const WholeRun result(config);
  EXPECT_EQ(result.outcome, Outcome::early_stopped);
  EXPECT_EQ(result.diary.events, "eval0 snap0 end0");
}

// --- Interruption and going on ---

/// A run interrupted after `step` updates, and its state then.
struct Interrupted {
  Interrupted(const config::Config& config, std::int64_t step) : trainer(config, Workers(1)) {
    std::atomic<bool> stop{step == 0};
    diary.on_step = [&](const Progress& p) { stop = p.step >= step; };
    EXPECT_EQ(run(trainer, diary, stop), Outcome::interrupted);
    EXPECT_EQ(trainer.progress().step, step);
  }

  Diary diary;
  Trainer trainer;
};

TEST_F(TrainerTest, StopsWhenAskedWithinAStepAndTakesNoSnapshot) {
  config::Config config = small();
  config.record.snapshots = 2;
  EXPECT_EQ(Interrupted(config, 0).diary.events, "eval0 snap0 end0");
  EXPECT_EQ(Interrupted(config, 3).diary.events, "eval0 snap0 step1 step2 step3 end3");
  EXPECT_EQ(Interrupted(config, 4).diary.events, "eval0 snap0 step1 step2 step3 eval4 step4 end4");
}

TEST_F(TrainerTest, GoesOnFromAStateWithTheSameBits) {
  for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
    config::Config config = small();
    config.data.K = item_count;
    config.record.snapshots = 5;
    const WholeRun whole(config);
    for (const std::int64_t step : {0, 1, 3, 4, 7, 8, 11}) {
      const Interrupted first(config, step);
      Trainer trainer(config, Workers(step == 4 ? 2 : 1));
      trainer.restore(first.diary.last, Due::recorded);
      EXPECT_EQ(trainer.state(), first.diary.last);
      Diary diary;
      EXPECT_EQ(run(trainer, diary), Outcome::completed);
      EXPECT_EQ(diary.last, whole.diary.last) << step;
      auto evaluations = first.diary.evaluations;
      evaluations.insert(evaluations.end(), diary.evaluations.begin(), diary.evaluations.end());
      EXPECT_TRUE(equal(evaluations, whole.diary.evaluations)) << step;
      auto snapshots = first.diary.snapshots;
      snapshots.insert(snapshots.end(), diary.snapshots.begin(), diary.snapshots.end());
      EXPECT_EQ(snapshots, whole.diary.snapshots) << step;
    }
  }
}

TEST_F(TrainerTest, RecordsWhatIsStillDueAtTheRestoredStep) {
  const config::Config config = small();
  const WholeRun whole(config);
  Trainer source(config, Workers(1));
  ASSERT_TRUE(source.replay(4));
  Trainer trainer(config, Workers(1));
  trainer.restore(source.state(), Due::open);
  Diary diary;
  EXPECT_EQ(run(trainer, diary), Outcome::completed);
  EXPECT_THAT(diary.events, testing::StartsWith("eval4 step5"));
  EXPECT_TRUE(equal(diary.evaluations.front(), whole.diary.evaluations[1]));
  EXPECT_EQ(diary.last.parameters, whole.diary.last.parameters);
}

TEST_F(TrainerTest, ReplaysInSilence) {
  const config::Config config = small();
  for (const std::int64_t step : {1, 5, 11}) {
    const Interrupted first(config, step);
    Trainer trainer(config, Workers(1));
    EXPECT_TRUE(trainer.replay(step));
    EXPECT_EQ(trainer.state(), first.diary.last) << step;
  }
}

TEST_F(TrainerTest, RefusesParametersOfAnotherModel) {
  Trainer trainer(small(), Workers(1));
  const State before = trainer.state();
  State state = before;
  state.parameters.pop_back();
  EXPECT_THROW(trainer.restore(state, Due::open), Error);
  state = before;
  state.parameters.back().push_back(0);
  state.parameters.front().front() = 99;
  EXPECT_THROW(trainer.restore(state, Due::open), Error);
  EXPECT_EQ(trainer.state(), before);
}

// --- Divergence ---

TEST_F(TrainerTest, EndsWhenItDivergesWithoutAFurtherSnapshot) {
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

TEST_F(TrainerTest, SaysWhatIsNotFiniteWhenTheLossIsNot) {
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
TEST_F(TrainerTest, SaysWhichParameterAnUpdateMadeInfinite) {
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
TEST_F(TrainerTest, HasTheSameBitsForAnyNumberOfWorkers) {
  for (const config::Diversity item_count : {config::Diversity(600), infinite}) {
    config::Config config = small();
    config.model.hidden = 300;
    config.data.K = item_count;
    config.train.batch_size = 70;
    config.train.steps_per_epoch = 10;  // 30 steps
    config.eval.sequences = 300;
    const WholeRun one(config, 1);
    for (const int threads : {2, 3, 4, 8}) {
      const WholeRun other(config, threads);
      EXPECT_EQ(other.diary.last, one.diary.last) << threads << " workers";
      EXPECT_TRUE(equal(other.diary.evaluations, one.diary.evaluations)) << threads << " workers";
    }
  }
}

}  // namespace
}  // namespace icl::train
