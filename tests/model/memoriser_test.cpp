#include "icl/model/memoriser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "icl/nn/logistic_loss.hpp"
#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/model_case.hpp"
#include "support/models.hpp"
#include "support/rounding.hpp"
#include "support/rounding_error.hpp"
#include "support/same_bits.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

namespace reference = test::reference;
using test::Sample;
using test::SampleShape;

struct Case : test::ModelCase {
  Case(const SampleShape& s, std::int64_t hidden)
      : ModelCase(test::system_config("memoriser", s.dimension, hidden), s) {}
};

TEST(Memoriser, IsTheMlpOfAnItem) {
  const auto model = test::make_model("memoriser", 63, 512);
  std::vector<std::string> names;
  for (const nn::Parameter* p : model->parameters()) {
    names.push_back(p->name);
    EXPECT_EQ(p->group, nn::Group::mlp) << p->name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"mlp.0.weight", "mlp.0.bias", "mlp.2.weight",
                                             "mlp.2.bias", "mlp.4.weight", "mlp.4.bias"}));
  EXPECT_EQ(test::value_of(*model, "mlp.0.weight").extent(1), 63);
  EXPECT_EQ(parameter_count(*model), (63 + 1 + 512 + 1 + 1) * 512 + 1);
  EXPECT_FALSE(model->reads_context());
}

// Forward, gradient of the weights, and of the input but for the items.
TEST(Memoriser, CountsTheProductsOfAStep) {
  constexpr double hidden = 512;
  const double expected = 2 * 128.0 * (3 * (63 * hidden + hidden * hidden + hidden) - 63 * hidden);
  EXPECT_NEAR(test::make_model("memoriser", 63, 512)->mlp_flops(128), expected, 1e-9 * expected);
  EXPECT_EQ(test::make_model("memoriser", 63, 512)->mlp_flops(128),
            test::make_model("minimal", 63, 512)->mlp_flops(128));
}

// Mean and variance of n draws from U(-b, b) have the standard deviations b / sqrt(3 n) and
// sqrt(4 / (5 n)) b^2 / 3; five of them are exceeded with probability 6e-7 each.
TEST(Memoriser, InitialWeightsAreUniformWithinOneOverRootFanIn) {
  const auto model = test::make_model("memoriser", 63, 300);
  model->initialise(1);
  for (const nn::Parameter* p : model->parameters()) {
    SCOPED_TRACE(p->name);
    const double bound = 1 / std::sqrt(p->name.starts_with("mlp.0") ? 63.0 : 300.0);
    const auto n = static_cast<double>(p->value.size());
    double sum = 0, squares = 0, largest = 0;
    for (const double w : p->value.values()) {
      sum += w;
      squares += w * w;
      largest = std::max(largest, std::abs(w));
    }
    EXPECT_LE(largest, bound * (1 + 1e-7));  // rounded to float
    if (n < 100) continue;
    EXPECT_GT(largest, bound * (1 - 20 / n));  // missed with probability e^-20
    EXPECT_NEAR(sum / n, 0, 5 * bound / std::sqrt(3 * n));
    EXPECT_NEAR(squares / n, bound * bound / 3, 5 * std::sqrt(0.8 / n) * bound * bound / 3);
  }
}

void expect_forward_agrees(Case& c) {
  c.forward();
  const reference::Mlp mlp = test::reference_mlp(*c.model);
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const reference::Vector x = reference::target_item(c.sample, b);
    const double z = mlp.forward(x);
    const auto rounded = reference::rounded_mlp(mlp, {x.begin(), x.end()});
    const double tolerance = reference::tolerance(rounded, std::abs(z));
    EXPECT_NEAR(c.activations->logits[b], z, tolerance) << b;
    EXPECT_LT(tolerance, 1e-4) << "too loose to be a test";
  }
}

// As sequences of the target alone, and of more: of more than one tile of 32 of them.
TEST(Memoriser, ForwardAgreesWithTheReference) {
  for (const SampleShape& s :
       {SampleShape{1, 1, 1}, {17, 1, 7}, {70, 1, 15, 50}, {35, 20, 15}, {5, 9, 16}}) {
    SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
    Case c(s, 37);
    expect_forward_agrees(c);
  }
}

TEST(Memoriser, ForwardAgreesWithTheReferenceAtFullSize) {
  Case c({130, 1, 63, 200}, 512);
  c.model->initialise(3);
  expect_forward_agrees(c);
}

TEST(Memoriser, ReadsNoContext) {
  Case c({19, 6, 7}, 21);
  c.forward();
  const Tensor logits = c.activations->logits.clone();
  for (std::int64_t b = 0; b < 19; ++b) {
    std::ranges::fill(std::span(c.sample.batch.items.row(b), 5), 0);
  }
  std::ranges::fill(c.sample.tokens.context.values(), Real{7});
  c.forward();
  EXPECT_TRUE(test::same_bits(logits, c.activations->logits));
}

TEST(Memoriser, LearnsItsItemsByHeart) {
  Case c({64, 1, 15, 16}, 64);
  for (std::int64_t b = 0; b < 64; ++b) {
    c.sample.batch.answer[b] = c.sample.labels[c.sample.batch.items.row(b)[0]];
  }
  c.model->initialise(1);
  for (nn::Parameter* p : c.model->parameters()) test::set_step(*p, 0.3, 0);
  const auto loss = [&] {
    c.forward();
    return nn::logistic_loss(c.activations->logits.values(), c.sample.batch.answer.values()).loss /
           64;
  };
  EXPECT_NEAR(loss(), std::log(2.0), 0.1);
  for (int step = 0; step < 1000; ++step) {
    c.forward();
    c.backward();
  }
  EXPECT_LT(loss(), 0.05);
}

#ifdef ICL_REAL_DOUBLE

TEST(Memoriser, BackwardIsTheDerivativeOfForward) {
  for (const SampleShape& s : {SampleShape{3, 1, 3}, {19, 1, 6}, {5, 5, 15}}) {
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
          const reference::Mlp mlp = test::reference_mlp(*c.model);
          for (std::int64_t b = 0; b < s.batch; ++b) {
            relus.fill(b, mlp, reference::target_item(c.sample, b));
          }
        },
        [&] { c.model->backward(c.sample.batch, *c.activations, Workers(1)); }))
        << s.batch << ' ' << s.length << ' ' << s.dimension;
  }
}

#endif

}  // namespace
}  // namespace icl::model
