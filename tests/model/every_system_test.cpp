#include <gtest/gtest.h>

#include <string>

#include "icl/config/system.hpp"
#include "support/blas.hpp"
#include "support/model_case.hpp"
#include "support/rounding.hpp"

namespace icl::model {
namespace {

using nn::Attending;
using test::ModelCase;
using test::SampleShape;

constexpr Attending all_ways[] = {Attending::learned, Attending::uniform, Attending::copy,
                                  Attending::none};

/// What holds for each system, one that is added too, with its keys as they are by default.
class EverySystem : public testing::TestWithParam<config::SystemRow> {
 protected:
  [[nodiscard]] static const config::Capabilities& has() { return GetParam().has; }
  [[nodiscard]] static SampleShape shape(std::int64_t batch, std::int64_t length,
                                         std::int64_t dimension) {
    return {batch, has().context ? length : 1, dimension};
  }
  [[nodiscard]] static ModelCase make(const SampleShape& s, std::int64_t hidden) {
    config::Config config = test::system_config(GetParam().name, s.dimension, hidden);
    config.data.N = s.length;
    return {config, s};
  }
  /// Whether tokens of all places go through its matrices.
  [[nodiscard]] static bool is_deep() { return has().layers || has().blocks; }
};

TEST_P(EverySystem, FillsActivationsMadeForLargerBatches) {
  const SampleShape s = shape(5, 4, 7);
  ModelCase c = make(s, 21);
  c.forward();
  const auto larger = c.model->make_activations(23, s.length);
  c.model->forward(c.sample.batch, *larger, Workers(1));
  for (std::int64_t b = 0; b < s.batch; ++b) {
    EXPECT_EQ(larger->logits[b], c.activations->logits[b]);
  }
}

TEST_P(EverySystem, StepThroughTheSinksIsGradientThenStep) {
  constexpr double rate = 0.01;
  for (const double decay : {0.0, 0.3}) {
    const SampleShape s = shape(19, 5, 7);
    ModelCase plain = make(s, 133);
    const auto gradients = test::collect_gradients(*plain.model);
    plain.forward();
    plain.backward();
    ModelCase stepped = make(s, 133);
    for (nn::Parameter* p : stepped.model->parameters()) test::set_step(*p, rate, decay);
    stepped.forward();
    stepped.backward();
    const std::int64_t terms = is_deep() ? s.batch * s.length : s.batch;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const nn::Parameter& before = *plain.model->parameters()[i];
      const Tensor& after = stepped.model->parameters()[i]->value;
      const double largest = test::largest_of(gradients[i]);
      EXPECT_GT(largest, 0) << before.name;
      for (std::int64_t k = 0; k < after.size(); ++k) {
        // The terms of a gradient are not known here; they cancel to a tenth at most.
        const auto step =
            test::exact_step(before.value[k], rate, decay, terms, gradients[i][k], 10 * largest);
        ASSERT_NEAR(after[k], step.value, step.tolerance) << before.name << ' ' << k;
      }
    }
  }
}

TEST_P(EverySystem, ThreeStepsHaveTheSameBitsForAnyNumberOfWorkers) {
  const SampleShape large = is_deep() ? SampleShape{40, 25, 63} : SampleShape{128, 25, 63};
  for (const SampleShape& one : {SampleShape{37, 9, 20}, large}) {
    const SampleShape s = shape(one.batch, one.length, one.dimension);
    for (const Attending attending : all_ways) {
      if (attending != Attending::learned && (is_deep() || !has().context)) continue;
      test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
        ModelCase c = make(s, 150);
        c.activations->attending = attending;
        if (is_deep()) c.model->initialise(1);
        return c.three_steps(workers);
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Model, EverySystem, testing::ValuesIn(config::systems),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace icl::model
