#include "icl/train/acquisition.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace icl::train {
namespace {

/// A run whose ICL accuracy at each step is known; `faulty` is a step that it cannot get to.
class Told final : public Past {
 public:
  explicit Told(std::map<std::int64_t, double> accuracies) : accuracies_(std::move(accuracies)) {}

  bool rewind(std::int64_t step) override {
    asked.push_back(step);
    return step != faulty;
  }
  bool icl_above(double threshold) override { return accuracies_.at(asked.back()) > threshold; }

  void tell(std::map<std::int64_t, double> accuracies) {
    accuracies_ = std::move(accuracies);
    asked.clear();
  }

  std::vector<std::int64_t> asked;
  std::int64_t faulty = -1;

 private:
  std::map<std::int64_t, double> accuracies_;
};

/// Weights kept at step 10, and an evaluation at step 15.
struct Bench {
  explicit Bench(bool refine) : acquisition(config_of(refine)) {
    acquisition.restore(Earlier{10, {}, {}});
    progress.step = 15;
  }
  static config::Config config_of(bool refine) {
    config::Config config;
    config.eval.refine = refine;
    return config;
  }
  Acquisition acquisition;
  Progress progress;
  Told past{{{11, 0.2}, {12, 0.96}, {13, 0.9}, {14, 0.97}}};
};

TEST(Acquisition, IsAtTheFirstEvaluationAboveTheThreshold) {
  Bench bench(false);
  EXPECT_FALSE(bench.acquisition.look(bench.progress, 0.95, bench.past));
  EXPECT_FALSE(bench.acquisition.look(bench.progress, NAN, bench.past));
  const auto found = bench.acquisition.look(bench.progress, 0.951, bench.past);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 15);
  EXPECT_EQ(found->refined, std::nullopt);
  bench.progress.t_icl_step = 5;
  EXPECT_FALSE(bench.acquisition.look(bench.progress, 1, bench.past));
  EXPECT_TRUE(bench.past.asked.empty());
}

TEST(Acquisition, LooksAtEachStepSinceTheWeightsThatWereKept) {
  Bench bench(true);
  EXPECT_EQ(bench.acquisition.look(bench.progress, 1, bench.past).value().refined, 12);
  EXPECT_EQ(bench.past.asked, (std::vector<std::int64_t>{11, 12}));
}

TEST(Acquisition, IsTheEvaluationItselfIfNoStepBeforeIsAbove) {
  Bench bench(true);
  bench.past.tell({{11, 0.95}, {12, 0}, {13, 0}, {14, 0.1}});
  EXPECT_EQ(bench.acquisition.look(bench.progress, 1, bench.past).value().refined, 15);
  EXPECT_EQ(bench.past.asked.size(), 4U);
  bench.past.faulty = 12;
  EXPECT_EQ(bench.acquisition.look(bench.progress, 1, bench.past).value().refined, 15);
  bench.acquisition.restore(Earlier{14, {}, {}});
  EXPECT_EQ(bench.acquisition.look(bench.progress, 1, bench.past).value().refined, 15);
  bench.acquisition.restore(std::nullopt);  // then there is nothing to go back to
  EXPECT_EQ(bench.acquisition.look(bench.progress, 1, bench.past).value().refined, std::nullopt);
}

TEST(Acquisition, WantsWeightsUntilItIsDone) {
  Bench bench(true);
  EXPECT_FALSE(bench.acquisition.wants_weights(bench.progress));
  bench.acquisition.restore(std::nullopt);
  EXPECT_TRUE(bench.acquisition.wants_weights(bench.progress));
  bench.progress.t_icl_step = 15;
  EXPECT_FALSE(bench.acquisition.wants_weights(bench.progress));
  Bench other(false);
  other.acquisition.restore(std::nullopt);
  EXPECT_FALSE(other.acquisition.wants_weights(other.progress));
}

}  // namespace
}  // namespace icl::train
