#include "icl/model/minimal.hpp"

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
using nn::Attending;
using test::Sample;
using test::SampleShape;

constexpr Attending all_ways[] = {Attending::learned, Attending::uniform, Attending::copy,
                                  Attending::none};

config::Config config_of(std::int64_t dimension, std::int64_t hidden, bool attend_self = false) {
  config::Config config = test::system_config("minimal", dimension, hidden);
  config.model.attend_self = attend_self;
  return config;
}

struct Case : test::ModelCase {
  Case(const SampleShape& s, const config::Config& config)
      : ModelCase(config, s), self(config.model.attend_self) {}
  [[nodiscard]] reference::LabelAttention expected() const {
    return {test::value_of(*model, "w")[0], test::value_of(*model, "beta")[0], self};
  }

  bool self;
};

// ---- parameters ---------------------------------------------------------------------------------

TEST(Minimal, HasTwoNumbersAndTheMlpOfAnItem) {
  const auto model = test::make_model("minimal", 63, 512);
  std::vector<std::string> names;
  for (const nn::Parameter* p : model->parameters()) {
    names.push_back(p->name);
    const bool number = p->name == "w" || p->name == "beta";
    EXPECT_EQ(p->group, number ? nn::Group::attention : nn::Group::mlp) << p->name;
    EXPECT_EQ(p->value.size() == 1, number || p->name == "mlp.4.bias") << p->name;
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"w", "beta", "mlp.0.weight", "mlp.0.bias", "mlp.2.weight",
                                      "mlp.2.bias", "mlp.4.weight", "mlp.4.bias"}));
  EXPECT_EQ(test::value_of(*model, "mlp.0.weight").extent(1), 63);
  EXPECT_EQ(parameter_count(*model), 2 + (63 + 1 + 512 + 1 + 1) * 512 + 1);
  EXPECT_TRUE(model->reads_context());
}

TEST(Minimal, EncodesItemAndLabel) {
  const auto model = test::make_model("minimal", 16, 3);
  const std::vector<float> item(16, 0.5F);
  Tensor row({model->token_width()});
  ASSERT_EQ(row.size(), 32);
  for (const int label : {-1, 0, 1}) {
    std::ranges::fill(row.values(), Real{9});
    model->encode(item, label, row.data());
    EXPECT_TRUE(std::all_of(row.data(), row.data() + 16, [](Real x) { return x == 0.5; }));
    EXPECT_EQ(row[16], label);
    EXPECT_TRUE(std::all_of(row.data() + 17, row.data() + 32, [](Real x) { return x == 0; }));
  }
}

TEST(Minimal, StartsAtTheGivenNumbers) {
  config::Config config = config_of(5, 3);
  config.model.w0 = -0.25;
  config.model.beta0 = 1.5;
  const auto model = make_model(config);
  for (const std::int64_t seed : {1, 2}) {
    model->initialise(seed);
    EXPECT_EQ(test::value_of(*model, "w")[0], -0.25);
    EXPECT_EQ(test::value_of(*model, "beta")[0], 1.5);
  }
}

// Mean and variance of n draws from N(0, 1) have the standard deviations 1 / sqrt(n) and
// sqrt(2 / n), and the share within one deviation, 0.6827, has sqrt(0.6827 0.3173 / n). Five of
// them are exceeded with probability 6e-7 each: and since the seeds are fixed, always or never.
TEST(Minimal, DrawsBetaFromTheStandardNormal) {
  const auto model = test::make_model("minimal", 1, 1);
  constexpr int n = 2000;
  double sum = 0, squares = 0, within = 0;
  for (int seed = 0; seed < n; ++seed) {
    model->initialise(seed);
    EXPECT_EQ(test::value_of(*model, "w")[0], 0);
    const double beta = test::value_of(*model, "beta")[0];
    sum += beta;
    squares += beta * beta;
    within += std::abs(beta) < 1 ? 1 : 0;
  }
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(within / n, 0.6827, 5 * std::sqrt(0.6827 * 0.3173 / n));
}

TEST(Minimal, HasThePhiOfTheMemoriserOfEqualSeed) {
  const auto minimal = test::make_model("minimal", 7, 12);
  const auto memoriser = test::make_model("memoriser", 7, 12);
  minimal->initialise(5);
  memoriser->initialise(5);
  for (const nn::Parameter* p : memoriser->parameters()) {
    EXPECT_TRUE(test::same_bits(p->value, test::value_of(*minimal, p->name))) << p->name;
  }
  minimal->initialise(6);
  EXPECT_FALSE(test::same_bits(test::value_of(*minimal, "mlp.0.weight"),
                               test::value_of(*memoriser, "mlp.0.weight")));
}

// ---- forward ------------------------------------------------------------------------------------

void expect_forward_agrees(Case& c) {
  c.forward();
  const Attending attending = c.activations->attending;
  const reference::LabelAttention attention = c.expected();
  const reference::Mlp mlp = test::reference_mlp(*c.model);
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const reference::Vector x = reference::target_item(c.sample, b);
    const double z = mlp.forward(x) + attention.forward(c.sample, b, attending);
    const auto phi = reference::rounded_mlp(mlp, {x.begin(), x.end()});
    const auto rounded = reference::rounded_attention(attention, c.sample, b, attending, phi);
    const double tolerance = reference::tolerance(rounded, std::abs(z));
    EXPECT_NEAR(c.activations->logits[b], z, tolerance) << b;
    EXPECT_LT(tolerance, 1e-4) << "too loose to be a test";
  }
}

TEST(Minimal, ForwardAgreesWithTheReference) {
  for (const bool self : {false, true}) {
    for (const Attending attending : all_ways) {
      for (const SampleShape& s : {SampleShape{1, 2, 1}, {17, 2, 7}, {35, 20, 15}, {5, 9, 16}}) {
        SCOPED_TRACE(testing::Message() << self << ' ' << static_cast<int>(attending));
        Case c(s, config_of(s.dimension, 37, self));
        c.activations->attending = attending;
        expect_forward_agrees(c);
      }
    }
  }
}

// As published: D = 63, H = 512, N = 100, initial weights.
TEST(Minimal, ForwardAgreesWithTheReferenceAtFullSize) {
  config::Config config = config_of(63, 512, true);
  config.model.w0 = 2;
  Case c({18, 100, 63, 50}, config);
  c.model->initialise(3);
  expect_forward_agrees(c);
}

TEST(Minimal, WithoutAttentionIsTheMemoriser) {
  const SampleShape s{37, 6, 7};
  Case c(s, config_of(7, 21));
  c.activations->attending = Attending::none;
  c.forward();
  const auto memoriser = test::make_model("memoriser", 7, 21);
  for (nn::Parameter* p : memoriser->parameters()) {
    std::ranges::copy(test::value_of(*c.model, p->name).values(), p->value.data());
  }
  const auto activations = memoriser->make_activations(s.batch, s.length);
  memoriser->forward(c.sample.batch, *activations, Workers(1));
  EXPECT_TRUE(test::same_bits(c.activations->logits, activations->logits));
  c.activations->attending = Attending::learned;
  c.forward();
  EXPECT_FALSE(test::same_bits(c.activations->logits, activations->logits));
}

// ---- backward -----------------------------------------------------------------------------------

#ifdef ICL_REAL_DOUBLE

TEST(Minimal, BackwardIsTheDerivativeOfForward) {
  for (const bool self : {false, true}) {
    for (const Attending attending : all_ways) {
      for (const SampleShape& s : {SampleShape{3, 2, 3}, {19, 4, 6}, {5, 5, 15}}) {
        SCOPED_TRACE(testing::Message() << self << ' ' << static_cast<int>(attending));
        constexpr std::int64_t hidden = 13;
        Case c(s, config_of(s.dimension, hidden, self));
        c.activations->attending = attending;
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
  }
}

#endif

}  // namespace
}  // namespace icl::model
