#include "icl/train/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "icl/core/error.hpp"
#include "train/diary.hpp"

namespace icl::train {
namespace {

TEST(Trainer, StopsWhenAskedWithinAStepAndTakesNoSnapshot) {
  config::Config config = small();
  config.record.snapshots = 2;
  EXPECT_EQ(Interrupted(config, 0).diary.events, "eval0 snap0 end0");
  EXPECT_EQ(Interrupted(config, 3).diary.events, "eval0 snap0 step1 step2 step3 end3");
  EXPECT_EQ(Interrupted(config, 4).diary.events, "eval0 snap0 step1 step2 step3 eval4 step4 end4");
}

TEST(Trainer, GoesOnFromAStateWithTheSameBits) {
  for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
    for (const auto optimizer : {config::Optimizer::sgd, config::Optimizer::adam}) {
      config::Config config = small();
      config.data.K = item_count;
      config.train.optimizer = optimizer;
      config.record.snapshots = 5;
      const WholeRun whole(config);
      for (const std::int64_t step : {0, 1, 3, 4, 7, 8, 11}) {
        expect_to_go_on_with_the_same_bits(config, whole, step, step == 4 ? 2 : 1);
      }
    }
  }
}

TEST(Trainer, NeedsTheMomentsOfAdamToGoOn) {
  config::Config config = small();
  config.train.optimizer = config::Optimizer::adam;
  const WholeRun whole(config);
  EXPECT_EQ(whole.diary.last.moments.updates, 12);
  EXPECT_EQ(whole.diary.last.moments.tensors[0].values.size(), whole.diary.last.parameters.size());
  State state = Interrupted(config, 5).diary.last;
  EXPECT_EQ(state.moments.updates, 5);
  state.moments = {};
  Trainer trainer(config, Workers(1));
  trainer.restore(state, Due::recorded);
  Diary diary;
  EXPECT_EQ(run(trainer, diary), Outcome::completed);
  EXPECT_NE(diary.last.parameters, whole.diary.last.parameters);
}

TEST(Trainer, RecordsWhatIsStillDueAtTheRestoredStep) {
  const config::Config config = small();
  const WholeRun whole(config);
  Interrupted source(config, 3);
  ASSERT_TRUE(source.trainer.replay(4));
  Trainer trainer(config, Workers(1));
  trainer.restore(source.trainer.state(), Due::open);
  Diary diary;
  EXPECT_EQ(run(trainer, diary), Outcome::completed);
  EXPECT_THAT(diary.events, testing::StartsWith("eval4 step5"));
  EXPECT_TRUE(equal(diary.evaluations.front(), whole.diary.evaluations[1]));
  EXPECT_EQ(diary.last, whole.diary.last);
}

// What evaluations alone find out (t_ICL, c1 and its integral) a replay cannot know.
TEST(Trainer, ReplaysInSilence) {
  for (const auto optimizer : {config::Optimizer::sgd, config::Optimizer::adam}) {
    config::Config config = small();
    config.train.optimizer = optimizer;
    for (const std::int64_t step : {1, 5, 11}) {
      State expected = Interrupted(config, step).diary.last;
      EXPECT_TRUE(expected.progress.c1);
      expected.progress.c1.reset();
      expected.progress.I_K = 0;
      Trainer trainer(config, Workers(1));
      EXPECT_TRUE(trainer.replay(step));
      EXPECT_EQ(trainer.state(), expected) << step;
    }
  }
}

TEST(Trainer, RefusesParametersOfAnotherModel) {
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

TEST(Trainer, RefusesMomentsAndEarlierWeightsOfAnotherModel) {
  config::Config config = small();
  config.train.optimizer = config::Optimizer::adam;
  config.eval.refine = true;
  const State good = Interrupted(config, 5).diary.last;
  Trainer trainer(config, Workers(1));
  const State before = trainer.state();
  State state = good;
  state.moments.tensors[0].values.front().push_back(0);
  EXPECT_THROW(trainer.restore(state, Due::open), Error);
  state = good;
  state.moments.tensors[1].values.pop_back();
  EXPECT_THROW(trainer.restore(state, Due::open), Error);
  state = good;
  state.before.value().parameters.pop_back();
  EXPECT_THROW(trainer.restore(state, Due::open), Error);
  state = good;
  state.before.value().moments.tensors[1].values.back().pop_back();
  EXPECT_THROW(trainer.restore(state, Due::open), Error);
  EXPECT_EQ(trainer.state(), before);
  trainer.restore(good, Due::recorded);
  EXPECT_EQ(trainer.state(), good);
}

}  // namespace
}  // namespace icl::train
