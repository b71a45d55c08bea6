#include "icl/model/one_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "icl/nn/logistic_loss.hpp"
#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/models.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

using test::Sample;
using test::SampleShape;

/// A model, a batch and the activations between them.
struct Setup {
  Setup(const SampleShape& s, std::int64_t hidden)
      : model(test::make_one_layer(s.dimension, hidden)),
        sample(s, *model),
        activations(model->make_activations(s.batch, s.length)) {
    test::randomise(*model);
  }
  void forward(const Workers& workers = Workers(1)) {
    model->forward(sample.batch, *activations, workers);
  }
  /// Of the mean loss.
  void backward(const Workers& workers = Workers(1)) {
    nn::logistic_loss_gradient(sample.batch.size, activations->logits.data(),
                               sample.batch.answer.data(), activations->dlogits.data());
    model->backward(sample.batch, *activations, workers);
  }

  std::unique_ptr<Model> model;
  Sample sample;
  std::unique_ptr<Activations> activations;
};

TEST(OneLayer, ForwardAgreesWithTheReference) {
  for (const SampleShape& s : {SampleShape{1, 1, 1}, {17, 2, 7}, {35, 20, 15}, {5, 9, 16}}) {
    Setup setup(s, 37);
    setup.forward();
    const test::ReferenceOneLayer expected(*setup.model);
    for (std::int64_t b = 0; b < s.batch; ++b) {
      const auto h = expected.attention.forward(setup.sample, b);
      const auto error =
          test::reference::ErrorBound::attention(expected.attention, setup.sample, b);
      const double z = expected.mlp.forward(h);
      const double bound = test::reference::ErrorBound::mlp(expected.mlp, h, error);
      EXPECT_NEAR(setup.activations->logits[b], z, test::reference::tolerance(std::abs(z), bound));
      EXPECT_LT(bound, 0.2) << "too loose to be a test";
    }
  }
}

// As published: D = 63, H = 512, N = 100, initial weights.
TEST(OneLayer, ForwardAgreesWithTheReferenceAtFullSize) {
  const SampleShape s{18, 100, 63, 50};
  Setup setup(s, 512);
  setup.model->initialise(3);
  setup.forward();
  const test::ReferenceOneLayer expected(*setup.model);
  double z_max = 0;
  for (std::int64_t b = 0; b < s.batch; ++b) {
    const auto h = expected.attention.forward(setup.sample, b);
    const auto error = test::reference::ErrorBound::attention(expected.attention, setup.sample, b);
    const double z = expected.mlp.forward(h);
    const double bound = test::reference::ErrorBound::mlp(expected.mlp, h, error);
    z_max = std::max(z_max, std::abs(z));
    // The worst case over all signs of all roundings is far from what happens: 1e-5 is met in
    // float.
    EXPECT_NEAR(setup.activations->logits[b], z,
                test::reference::tolerance(std::abs(z), std::min(bound, 1e-5)));
  }
  EXPECT_GT(z_max, 1e-3);
}

TEST(OneLayer, FillsActivationsMadeForLargerBatches) {
  const SampleShape s{5, 4, 7};
  Setup setup(s, 21);
  setup.forward();
  const auto larger = setup.model->make_activations(23, s.length);
  setup.model->forward(setup.sample.batch, *larger, Workers(1));
  for (std::int64_t b = 0; b < s.batch; ++b) {
    EXPECT_EQ(larger->logits[b], setup.activations->logits[b]);
  }
}

TEST(OneLayer, StepThroughTheSinksIsGradientThenStep) {
  constexpr double rate = 0.01;
  for (const double decay : {0.0, 0.3}) {
    const SampleShape s{19, 5, 7};
    Setup plain(s, 133);
    const auto parameters = plain.model->parameters();
    std::vector<Tensor> gradients(parameters.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      test::set_gradient(*parameters[i], gradients[i]);
    }
    plain.forward();
    plain.backward();

    Setup stepped(s, 133);
    for (nn::Parameter* p : stepped.model->parameters()) test::set_step(*p, rate, decay);
    stepped.forward();
    stepped.backward();
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const Tensor& before = parameters[i]->value;
      const Tensor& after = stepped.model->parameters()[i]->value;
      double largest = 0;
      for (const Real g : gradients[i].values()) largest = std::max(largest, std::abs(double{g}));
      for (std::int64_t k = 0; k < before.size(); ++k) {
        // The terms of a gradient are not known here; they cancel to a tenth at most.
        const auto step =
            test::exact_step(before[k], rate, decay, s.batch, gradients[i][k], 10 * largest);
        ASSERT_NEAR(after[k], step.value, step.tolerance) << parameters[i]->name << ' ' << k;
      }
    }
  }
}

TEST(OneLayer, ThreeStepsHaveTheSameBitsForAnyNumberOfWorkers) {
  for (const SampleShape& s : {SampleShape{37, 9, 20}, {128, 25, 63}}) {
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Setup setup(s, 150);
      for (nn::Parameter* p : setup.model->parameters()) test::set_step(*p, 0.1, 0.3);
      for (int step = 0; step < 3; ++step) {
        setup.forward(workers);
        setup.backward(workers);
      }
      setup.forward(workers);
      auto all = test::tensors(setup.activations->logits);
      for (nn::Parameter* p : setup.model->parameters()) all.push_back(std::move(p->value));
      return all;
    });
  }
}

TEST(OneLayer, LossFallsUnderGradientDescent) {
  Setup setup({64, 8, 15, 16}, 64);
  setup.model->initialise(1);
  for (nn::Parameter* p : setup.model->parameters()) test::set_step(*p, 0.3, 0);
  const auto loss = [&] {
    setup.forward();
    return nn::logistic_loss(64, setup.activations->logits.data(), setup.sample.batch.answer.data())
               .loss /
           64;
  };
  const double before = loss();
  for (int step = 0; step < 300; ++step) {
    setup.forward();
    setup.backward();
  }
  EXPECT_NEAR(before, std::log(2.0), 0.1);
  EXPECT_LT(loss(), 0.9 * before);
}

#ifdef ICL_REAL_DOUBLE

/// What the ReLUs of the model let through is not visible from outside: the reference tells.
class Hidden {
 public:
  Hidden(std::int64_t batch, std::int64_t hidden) : h1_({batch, hidden}), h2_({batch, hidden}) {}
  void declare(test::GradientCheck& check) const {
    check.relu(h1_.values());
    check.relu(h2_.values());
  }
  void fill(Model& model, const Sample& sample) {
    const test::ReferenceOneLayer expected(model);
    for (std::int64_t b = 0; b < sample.batch.size; ++b) {
      const auto h1 = expected.mlp.hidden1(expected.attention.forward(sample, b));
      const auto h2 = expected.mlp.hidden2(h1);
      std::ranges::copy(h1, h1_.row(b));
      std::ranges::copy(h2, h2_.row(b));
    }
  }

 private:
  Tensor h1_, h2_;
};

TEST(OneLayer, BackwardIsTheDerivativeOfForward) {
  for (const SampleShape& s : {SampleShape{1, 1, 1}, {5, 2, 7}, {19, 4, 6}, {3, 5, 15}}) {
    constexpr std::int64_t hidden = 13;
    Setup setup(s, hidden);
    Hidden relus(s.batch, hidden);
    test::GradientCheck check(7);
    for (nn::Parameter* p : setup.model->parameters()) check.parameter(*p);
    check.output(setup.activations->logits.values(), setup.activations->dlogits.values());
    relus.declare(check);
    EXPECT_TRUE(check.run(
        [&] {
          setup.forward();
          relus.fill(*setup.model, setup.sample);
        },
        [&] { setup.model->backward(setup.sample.batch, *setup.activations, Workers(1)); }))
        << s.batch << ' ' << s.length << ' ' << s.dimension;
  }
}

TEST(OneLayer, BackwardIsTheDerivativeOfTheMeanLoss) {
  constexpr std::int64_t hidden = 11;
  const SampleShape s{18, 5, 7};
  Setup setup(s, hidden);
  Hidden relus(s.batch, hidden);
  Tensor loss({1}), dloss({1});
  test::GradientCheck check(8);
  for (nn::Parameter* p : setup.model->parameters()) check.parameter(*p);
  check.output(loss.values(), dloss.values());
  relus.declare(check);
  Activations& a = *setup.activations;
  const std::int8_t* y = setup.sample.batch.answer.data();
  EXPECT_TRUE(check.run(
      [&] {
        setup.forward();
        relus.fill(*setup.model, setup.sample);
        loss[0] =
            nn::logistic_loss(s.batch, a.logits.data(), y).loss / static_cast<double>(s.batch);
      },
      [&] {
        nn::logistic_loss_gradient(s.batch, a.logits.data(), y, a.dlogits.data());
        for (Real& d : a.dlogits.values()) d *= dloss[0];
        setup.model->backward(setup.sample.batch, a, Workers(1));
      }));
}

#endif

}  // namespace
}  // namespace icl::model
