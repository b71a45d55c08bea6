#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "train/diary.hpp"

namespace icl::train {
namespace {

struct Case {
  config::System system;
  config::Diversity item_count;
  config::Optimizer optimizer;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << config::word(c.system) << (c.item_count.is_infinite() ? ", K = inf, " : ", K = 16, ")
       << config::word(c.optimizer);
}

class SystemTest : public testing::TestWithParam<Case> {
 protected:
  SystemTest() {
    config_.model.system = GetParam().system;
    config_.model.hidden = 40;
    config_.data.K = GetParam().item_count;
    config_.train.optimizer = GetParam().optimizer;
    config_.train.batch_size = 70;
    config_.record.snapshots = 3;
  }
  config::Config config_ = small();
};

using config::Optimizer;
using config::System;
INSTANTIATE_TEST_SUITE_P(All, SystemTest,
                         testing::Values(Case{System::one_layer, 16, Optimizer::sgd},
                                         Case{System::one_layer, infinite, Optimizer::adam},
                                         Case{System::multi_layer, 16, Optimizer::adam},
                                         Case{System::multi_layer, infinite, Optimizer::sgd},
                                         Case{System::scalar_beta, 16, Optimizer::sgd},
                                         Case{System::scalar_beta, infinite, Optimizer::adam},
                                         Case{System::minimal, 16, Optimizer::sgd},
                                         Case{System::minimal, infinite, Optimizer::adam},
                                         Case{System::memoriser, 16, Optimizer::sgd},
                                         Case{System::memoriser, 16, Optimizer::adam},
                                         Case{System::blocks, 16, Optimizer::adam},
                                         Case{System::blocks, infinite, Optimizer::sgd}));

TEST_P(SystemTest, TrainsAllItsParameters) {
  const WholeRun result(config_);
  EXPECT_EQ(result.outcome, Outcome::completed);
  EXPECT_TRUE(finite(result.diary.last.parameters));
  for (std::size_t i = 0; i < result.diary.last.parameters.size(); ++i) {
    EXPECT_NE(result.diary.snapshots.front()[i], result.diary.last.parameters[i])
        << result.trainer.parameters()[i]->name;
  }
  const bool reads_context = config::row_of(config_.model.system).has.context;
  for (const Evaluation& e : result.diary.evaluations) {
    EXPECT_TRUE(std::isfinite(e.train.loss) && std::isfinite(e.probes["c1"]));
    EXPECT_EQ(std::isfinite(e.on("icl").loss), reads_context);
    EXPECT_EQ(std::isfinite(e.on("iwl").loss), !config_.data.K.is_infinite());
    EXPECT_EQ(norms_of(e).size(), result.trainer.parameters().size());
  }
}

TEST_P(SystemTest, GoesOnFromAStateWithTheSameBits) {
  const WholeRun whole(config_);
  for (const std::int64_t step : {0, 1, 4, 6}) {
    expect_to_go_on_with_the_same_bits(config_, whole, step);
  }
}

TEST_P(SystemTest, HasTheSameBitsForAnyNumberOfWorkers) {
  const WholeRun one(config_, 1);
  for (const int threads : {2, 3}) {
    const WholeRun other(config_, threads);
    EXPECT_EQ(other.diary.last, one.diary.last) << threads << " workers";
    EXPECT_TRUE(same_bits(other.diary.last.parameters, one.diary.last.parameters));
    EXPECT_TRUE(equal(other.diary.evaluations, one.diary.evaluations)) << threads << " workers";
  }
}

// The memoriser alone learns its sixteen items by heart; c1 falls with its loss.
TEST(Memoriser, Memorises) {
  config::Config config = toy(16);
  config.model.system = config::System::memoriser;
  const WholeRun result(config);
  const Evaluation& first = result.diary.evaluations.front();
  const Evaluation& last = result.diary.evaluations.back();
  EXPECT_NEAR(first.probes["c1"], 0.5, 0.05);
  EXPECT_LT(last.probes["c1"], 0.05);
  EXPECT_EQ(last.on("iwl").accuracy, 1);
}

}  // namespace
}  // namespace icl::train
