#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "icl/core/error.hpp"

#include "icl/task/item_label.hpp"
#include "support/rounding.hpp"
#include "train/diary.hpp"

namespace icl::train {
namespace {

/// Twelve steps, all parameters on record after each of them.
config::Config on_record(config::System system, config::Optimizer optimizer) {
  config::Config config = small();
  config.model.system = system;
  config.train.optimizer = optimizer;
  config.record.snapshot_every = 1;
  return config;
}

std::size_t index_of(const Trainer& trainer, const std::string& name) {
  const auto all = trainer.parameters();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->name == name) return i;
  }
  throw std::out_of_range(name);
}

using config::System;

class OptimizerTest : public testing::TestWithParam<config::Optimizer> {};
INSTANTIATE_TEST_SUITE_P(Trainer, OptimizerTest,
                         testing::Values(config::Optimizer::sgd, config::Optimizer::adam));

// --- Freezing ---

TEST_P(OptimizerTest, FreezesASubCircuitOverItsRange) {
  for (const nn::Group group : {nn::Group::attention, nn::Group::mlp}) {
    for (const System system : {System::one_layer, System::scalar_beta, System::minimal}) {
      config::Config config = on_record(system, GetParam());
      config.model.w0 = 0.5;  // at 0 beta has no gradient
      config.intervene.freeze = group == nn::Group::attention ? "attention@3:7" : "memoriser@3:7";
      const WholeRun result(config);
      const auto& snapshots = result.diary.snapshots;
      ASSERT_EQ(snapshots.size(), 13U);
      for (std::size_t step = 0; step < 12; ++step) {
        for (std::size_t i = 0; i < snapshots[step].size(); ++i) {
          const nn::Parameter& p = *result.trainer.parameters()[i];
          EXPECT_EQ(same_bits(snapshots[step][i], snapshots[step + 1][i]),
                    p.group == group && step >= 3 && step < 7)
              << config::word(system) << ", " << p.name << " in step " << step;
        }
      }
    }
  }
}

TEST_P(OptimizerTest, LeavesAFrozenReadoutAsItWasDrawn) {
  config::Config config = on_record(System::multi_layer, GetParam());
  config.compat.frozen_readout = true;
  const WholeRun result(config);
  for (std::size_t i = 0; i < result.diary.last.parameters.size(); ++i) {
    const nn::Parameter& p = *result.trainer.parameters()[i];
    EXPECT_EQ(same_bits(result.diary.snapshots.front()[i], result.diary.last.parameters[i]),
              p.name.starts_with("mlp."))
        << p.name;
    for (const Evaluation& e : result.diary.evaluations) {
      EXPECT_EQ(norms_of(e)[i].update == 0, p.name.starts_with("mlp.")) << p.name;
      EXPECT_GT(norms_of(e)[i].gradient, 0) << p.name;
    }
  }
}

// --- Rates ---

// Factor and rates are powers of two: lr * factor is the same number, however it came about.
TEST_P(OptimizerTest, LearnsAtHalfTheRateAsIfThatWereItsOwn) {
  for (const System system : {System::one_layer, System::scalar_beta, System::minimal}) {
    config::Config factor = on_record(system, GetParam());
    factor.train.learning_rate = 0.125;
    factor.train.weight_decay_attention = factor.train.weight_decay_mlp = 1e-3;
    const WholeRun whole(factor);
    config::Config half = factor;
    half.train.learning_rate = 0.0625;
    factor.intervene.rate = "attention*0.5, memoriser*0.5";
    const WholeRun one(factor);
    const WholeRun other(half);
    EXPECT_TRUE(same_bits(one.diary.last.parameters, other.diary.last.parameters));
    EXPECT_EQ(one.diary.last.moments, other.diary.last.moments);
    EXPECT_NE(one.diary.last.parameters, whole.diary.last.parameters);
  }
}

TEST_P(OptimizerTest, ChangesTheRateOverItsRangeOnly) {
  config::Config config = on_record(System::one_layer, GetParam());
  const WholeRun plain(config);
  config.intervene.rate = "qkv*4@5:6";
  const WholeRun result(config);
  const std::size_t qkv = index_of(result.trainer, "qkv.weight");
  for (std::size_t step = 0; step <= 12; ++step) {
    EXPECT_EQ(result.diary.snapshots[step][qkv] == plain.diary.snapshots[step][qkv], step < 6);
    if (step > 6) continue;  // what is not named has the same step still
    EXPECT_EQ(result.diary.snapshots[step].back(), plain.diary.snapshots[step].back()) << step;
  }
}

TEST_P(OptimizerTest, RefusesInterventionsOnWhatThereIsNot) {
  config::Config config = on_record(System::memoriser, GetParam());
  config.intervene.freeze = "attention";
  EXPECT_THROW(Trainer(config, Workers(1)), Error);
}

// --- Clamps ---

// With attention on the copy z = phi + w l does not depend on beta.
TEST_P(OptimizerTest, GivesBetaNoGradientWhileAttentionIsClamped) {
  config::Config config = on_record(System::minimal, GetParam());
  config.model.w0 = 0.5;
  config.model.beta0 = 0.5;
  config.train.weight_decay_attention = 0;
  config.train.adam_beta1 = 0;  // no momentum, which would move beta on
  config.intervene.clamp = "copy@3:7";
  const WholeRun result(config);
  const std::size_t beta = index_of(result.trainer, "beta");
  const std::size_t w = index_of(result.trainer, "w");
  const auto& snapshots = result.diary.snapshots;
  for (std::size_t step = 0; step < 12; ++step) {
    const bool clamped = step >= 3 && step < 7;
    EXPECT_EQ(same_bits(snapshots[step][beta], snapshots[step + 1][beta]), clamped) << step;
    EXPECT_FALSE(same_bits(snapshots[step][w], snapshots[step + 1][w])) << step;
  }
}

TEST(TrainerMeasures, EvaluatesWithAttentionClampedAsInTheLastStep) {
  config::Config config = on_record(config::System::minimal, config::Optimizer::sgd);
  config.model.w0 = 2;
  config.intervene.clamp = "copy@3:7, none@11:";
  config.eval.every = 1;
  const WholeRun result(config);
  const Workers workers(1);
  const auto model = model::make_model(config);
  const task::ItemLabelTask task(config, std::nullopt, *model, workers);
  Evaluator evaluator(config, task, *model);
  for (const Evaluation& e : result.diary.evaluations) {
    const auto& values = result.diary.snapshots[static_cast<std::size_t>(e.step)];
    const auto parameters = model->parameters();
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::ranges::copy(values[i], parameters[i]->value.data());
    }
    using enum nn::Attending;
    const bool copied = e.step > 3 && e.step <= 7;
    evaluator.attend(copied ? copy : (e.step > 11 ? none : learned));
    EXPECT_TRUE(
        equal(e.on("icl"), evaluator.measure(task::set_called("icl"), *model, e.step, workers)))
        << e.step;
    EXPECT_TRUE(
        equal(e.on("iwl"), evaluator.measure(task::set_called("iwl"), *model, e.step, workers)))
        << e.step;
    // All attention on the copy in the probes' sequences too, or none.
    if (copied) {
      EXPECT_NEAR(e.probes["attention_copy"], 1, 1e-6) << e.step;
    } else if (e.step > 11) {
      EXPECT_EQ(e.probes["attention_copy"], 0) << e.step;
    } else {
      EXPECT_LT(e.probes["attention_copy"], 0.99) << e.step;
    }
  }
}

// --- All of it, interrupted ---

TEST_P(OptimizerTest, GoesOnWithTheSameBitsWithinAnIntervention) {
  for (const System system :
       {System::one_layer, System::multi_layer, System::scalar_beta, System::minimal}) {
    config::Config config = on_record(system, GetParam());
    config.intervene.freeze = "memoriser@2:5, mlp.2@7:9";
    config.intervene.rate = "attention*3@1:6, mlp.0.weight*0.25";
    config.intervene.clamp = "uniform@4:6, copy@6:10";
    const WholeRun whole(config);
    config::Config plain = config;
    plain.intervene = {};
    EXPECT_NE(WholeRun(plain).diary.last.parameters, whole.diary.last.parameters);
    for (const std::int64_t step : {1, 3, 5, 8}) {
      expect_to_go_on_with_the_same_bits(config, whole, step);
    }
  }
}

// --- Norms and the integral of c1 ---

// The step that is made differs from the one foreseen by the rounding of w alone, and in SGD by
// that of the products with -rate and of the sums over the batch: 2^-24 of |w|, and some 2^-20 of
// the step.
TEST_P(OptimizerTest, ForeseesTheNormOfEachUpdate) {
  for (const System system : {System::one_layer, System::multi_layer, System::scalar_beta,
                              System::minimal, System::memoriser}) {
    config::Config config = on_record(system, GetParam());
    config.eval.every = 1;
    config.model.w0 = 0.5;
    config.train.weight_decay_attention = config.train.weight_decay_mlp = 0.125;
    config.intervene.rate = "memoriser*0.5@2:6, mlp.0.bias*0@8:";
    const WholeRun result(config);
    const auto norm = [](const std::vector<Real>& a, const std::vector<Real>& b) {
      double squares = 0;
      for (std::size_t k = 0; k < a.size(); ++k) {
        const double change = double{a[k]} - double{b[k]};
        squares += change * change;
      }
      return std::sqrt(squares);
    };
    const auto& snapshots = result.diary.snapshots;
    for (std::size_t step = 0; step < 12; ++step) {
      for (std::size_t i = 0; i < snapshots[step].size(); ++i) {
        const Norms norms = norms_of(result.diary.evaluations[step])[i];
        const std::string where =
            std::string(config::word(system)) + ", " + result.trainer.parameters()[i]->name;
        const double value = norm(snapshots[step][i], std::vector<Real>(snapshots[step][i].size()));
        EXPECT_NEAR(norms.value, value, 1e-14 * value) << where;
        const double made = norm(snapshots[step + 1][i], snapshots[step][i]);
        EXPECT_NEAR(norms.update, made, 2 * test::unit_roundoff * value + 1e-6 * made)
            << where << ", step " << step;
        EXPECT_GT(norms.gradient, 0) << where;
      }
    }
  }
}

TEST(TrainerMeasures, KnowsTheNormOfTheGradient) {
  config::Config config = on_record(config::System::one_layer, config::Optimizer::sgd);
  config.train.weight_decay_attention = config.train.weight_decay_mlp = 0;
  for (const Evaluation& e : WholeRun(config).diary.evaluations) {
    for (const Norms& norms : norms_of(e)) {
      EXPECT_NEAR(norms.update, 0.1 * norms.gradient, 1e-14 * norms.gradient);
    }
  }
}

TEST(TrainerMeasures, AddsUpC1ByTrapezoids) {
  for (const System system : {System::one_layer, System::memoriser}) {
    config::Config config = on_record(system, config::Optimizer::sgd);
    config.eval.every = 5;
    config.eval.log_points = 4;
    const WholeRun result(config);
    ASSERT_THAT(steps_of(result.diary), testing::ElementsAre(0, 1, 2, 5, 10, 12));
    double integral = 0;
    const Evaluation* before = nullptr;
    for (const Evaluation& e : result.diary.evaluations) {
      if (before != nullptr) {
        integral += 0.1 * static_cast<double>(e.step - before->step) *
                    (e.probes["c1"] + before->probes["c1"]) / 2;
      }
      EXPECT_NEAR(e.probes["I_K"], integral, 1e-14) << e.step;
      before = &e;
    }
    EXPECT_NEAR(integral, 0.6, 0.1);  // c1 is about one half: 12 steps of rate 0.1
    EXPECT_EQ(result.diary.last.progress.I_K, result.diary.evaluations.back().probes["I_K"]);
    for (const std::int64_t step : {1, 4, 5, 11}) {
      expect_to_go_on_with_the_same_bits(config, result, step);
    }
  }
}

TEST(TrainerMeasures, HasNoIntegralWithoutC1) {
  config::Config config = small();
  config.probe.record = "attention";
  const WholeRun result(config);
  for (const Evaluation& e : result.diary.evaluations) {
    EXPECT_TRUE(std::isnan(e.probes["I_K"]));
    EXPECT_TRUE(norms_of(e).empty());
  }
  EXPECT_EQ(result.diary.last.progress.c1, std::nullopt);
}

}  // namespace
}  // namespace icl::train
