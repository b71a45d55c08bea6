#include "icl/model/one_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "icl/nn/logistic_loss.hpp"
#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/model_case.hpp"
#include "support/models.hpp"
#include "support/rounding.hpp"
#include "support/rounding_error.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

namespace reference = test::reference;
using test::Sample;
using test::SampleShape;

struct Case : test::ModelCase {
  Case(const SampleShape& s, std::int64_t hidden, bool scalar_labels = false)
      : ModelCase(config_of(s.dimension, hidden, scalar_labels), s),
        code(scalar_labels ? nn::LabelCode::scalar : nn::LabelCode::onehot) {}
  static config::Config config_of(std::int64_t dimension, std::int64_t hidden, bool scalar) {
    config::Config config = test::system_config("one_layer", dimension, hidden);
    if (scalar) config.data.label_code = config::LabelCode::scalar;
    return config;
  }

  nn::LabelCode code;
};

void expect_forward_agrees(Case& c) {
  c.forward();
  const test::ReferenceOneLayer expected(*c.model, c.code);
  const nn::Attending attending = c.activations->attending;
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const double z = expected.forward(c.sample, b, attending);
    const auto rounded = reference::rounded_mlp(
        expected.mlp, reference::rounded_attention(expected.attention, c.sample, b, attending));
    const double tolerance = reference::tolerance(rounded, std::abs(z));
    EXPECT_NEAR(c.activations->logits[b], z, tolerance);
    EXPECT_LT(tolerance, 1e-3) << "too loose to be a test";
  }
}

TEST(OneLayer, ForwardAgreesWithTheReference) {
  for (const SampleShape& s : {SampleShape{1, 1, 1}, {17, 2, 7}, {35, 20, 15}, {5, 9, 16}}) {
    Case c(s, 37);
    expect_forward_agrees(c);
  }
}

TEST(OneLayer, ForwardAgreesWithTheReferenceForScalarLabels) {
  Case c({35, 20, 15}, 37, true);
  EXPECT_EQ(test::value_of(*c.model, "mlp.0.weight").extent(1), 16);
  expect_forward_agrees(c);
}

TEST(OneLayer, ForwardAgreesWithTheReferenceWhereAttentionIsNotLearned) {
  for (const nn::Attending attending :
       {nn::Attending::uniform, nn::Attending::copy, nn::Attending::none}) {
    SCOPED_TRACE(static_cast<int>(attending));
    Case c({35, 5, 15}, 37);
    c.activations->attending = attending;
    expect_forward_agrees(c);
  }
}

// W_q = 1 and W_k = g^-2: then the block between items is the identity.
TEST(OneLayer, AlignmentIsThatOfItsGainAndItsMatrices) {
  const auto model = test::make_model("one_layer", 7, 5);
  std::int64_t row = 0;
  for (nn::Parameter* p : model->parameters()) {
    if (p->name == "to_embedding.0.weight") {
      for (Real& gain : p->value.values()) gain = std::ldexp(Real{1}, static_cast<int>(row++ % 3));
    }
    if (p->name != "qkv.weight") continue;
    for (std::int64_t i = 0; i < 9; ++i) {
      p->value.row(i)[i] = 1;
      p->value.row(9 + i)[i] = std::ldexp(Real{1}, -2 * static_cast<int>(i % 3));
    }
  }
  EXPECT_NEAR(model->identity_alignment(), 1, 1e-15);
}

// As published: D = 63, H = 512, N = 100, initial weights.
TEST(OneLayer, ForwardAgreesWithTheReferenceAtFullSize) {
  Case c({18, 100, 63, 50}, 512);
  c.model->initialise(3);
  expect_forward_agrees(c);
}

TEST(OneLayer, LossFallsUnderGradientDescent) {
  Case c({64, 8, 15, 16}, 64);
  c.model->initialise(1);
  for (nn::Parameter* p : c.model->parameters()) test::set_step(*p, 0.3, 0);
  const auto loss = [&] {
    c.forward();
    return nn::logistic_loss(c.activations->logits.values(), c.sample.batch.answer.values()).loss /
           64;
  };
  const double before = loss();
  for (int step = 0; step < 300; ++step) {
    c.forward();
    c.backward();
  }
  EXPECT_NEAR(before, std::log(2.0), 0.1);
  EXPECT_LT(loss(), 0.9 * before);
}

#ifdef ICL_REAL_DOUBLE

void fill(test::HiddenUnits& relus, Case& c) {
  const test::ReferenceOneLayer expected(*c.model);
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    relus.fill(b, expected.mlp, expected.attention.forward(c.sample, b));
  }
}

TEST(OneLayer, BackwardIsTheDerivativeOfForward) {
  for (const SampleShape& s : {SampleShape{1, 1, 1}, {5, 2, 7}, {19, 4, 6}, {3, 5, 15}}) {
    constexpr std::int64_t hidden = 13;
    Case c(s, hidden);
    test::HiddenUnits relus(s.batch, hidden);
    test::GradientCheck check(7);
    for (nn::Parameter* p : c.model->parameters()) check.parameter(*p);
    check.output(c.activations->logits.values(), c.activations->dlogits.values());
    relus.declare(check);
    EXPECT_TRUE(check.run(
        [&] {
          c.forward();
          fill(relus, c);
        },
        [&] { c.model->backward(c.sample.batch, *c.activations, Workers(1)); }))
        << s.batch << ' ' << s.length << ' ' << s.dimension;
  }
}

TEST(OneLayer, BackwardIsTheDerivativeOfTheMeanLoss) {
  constexpr std::int64_t hidden = 11;
  const SampleShape s{18, 5, 7};
  Case c(s, hidden);
  test::HiddenUnits relus(s.batch, hidden);
  Tensor loss({1}), dloss({1});
  test::GradientCheck check(8);
  for (nn::Parameter* p : c.model->parameters()) check.parameter(*p);
  check.output(loss.values(), dloss.values());
  relus.declare(check);
  Activations& a = *c.activations;
  const std::span<const Label> y = c.sample.batch.answer.values();
  EXPECT_TRUE(check.run(
      [&] {
        c.forward();
        fill(relus, c);
        loss[0] = nn::logistic_loss(a.logits.values(), y).loss / static_cast<double>(s.batch);
      },
      [&] {
        nn::logistic_loss_gradient(a.logits.values(), y, a.dlogits.values());
        for (Real& d : a.dlogits.values()) d *= dloss[0];
        c.model->backward(c.sample.batch, a, Workers(1));
      }));
}

#endif

}  // namespace
}  // namespace icl::model
