#include "icl/model/scalar_beta.hpp"

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
#include "support/same_bits.hpp"
#include "support/scalar_reference.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

namespace reference = test::reference;
using nn::Attending;
using test::Sample;
using test::SampleShape;

constexpr Attending all_ways[] = {Attending::learned, Attending::uniform, Attending::copy,
                                  Attending::none};

struct Case : test::ModelCase {
  Case(const SampleShape& s, std::int64_t hidden, nn::LabelCode label_code = nn::LabelCode::onehot)
      : ModelCase(config_of(s.dimension, hidden, label_code), s), code(label_code) {}
  static config::Config config_of(std::int64_t dimension, std::int64_t hidden, nn::LabelCode code) {
    config::Config config = test::system_config("scalar_beta", dimension, hidden);
    config.data.label_code = code;
    return config;
  }
  [[nodiscard]] reference::ScalarAttention expected() const {
    return {test::value_of(*model, "beta")[0],
            reference::widen(test::value_of(*model, "value.weight")), code};
  }

  nn::LabelCode code;
};

TEST(ScalarBeta, HasANumberAMatrixAndTheMlpOfAToken) {
  const auto model = test::make_model("scalar_beta", 63, 512);
  std::vector<std::string> names;
  for (const nn::Parameter* p : model->parameters()) {
    names.push_back(p->name);
    const bool attention = p->name == "beta" || p->name == "value.weight";
    EXPECT_EQ(p->group, attention ? nn::Group::attention : nn::Group::mlp) << p->name;
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"beta", "value.weight", "mlp.0.weight", "mlp.0.bias",
                                      "mlp.2.weight", "mlp.2.bias", "mlp.4.weight", "mlp.4.bias"}));
  EXPECT_EQ(parameter_count(*model), 1 + 65 * 65 + (65 + 1 + 512 + 1 + 1) * 512 + 1);
  EXPECT_EQ(model->mlp_flops(8), test::make_model("one_layer", 63, 512)->mlp_flops(8));
  EXPECT_TRUE(std::isnan(model->identity_alignment()));
}

// So that the two, and the minimal model, can be compared seed by seed.
TEST(ScalarBeta, BeginsAsTheSystemsThatItLiesBetween) {
  const auto model = test::make_model("scalar_beta", 7, 12);
  const auto transformer = test::make_model("one_layer", 7, 12);
  const auto minimal = test::make_model("minimal", 7, 12);
  for (Model* m : {model.get(), transformer.get(), minimal.get()}) m->initialise(5);
  for (const nn::Parameter* p : model->parameters()) {
    if (!p->name.starts_with("mlp")) continue;
    EXPECT_TRUE(test::same_bits(p->value, test::value_of(*transformer, p->name))) << p->name;
  }
  const Tensor& value = test::value_of(*model, "value.weight");
  const Tensor& qkv = test::value_of(*transformer, "qkv.weight");
  EXPECT_TRUE(std::equal(value.data(), value.data() + 81, qkv.row(18)));
  const Real beta = test::value_of(*model, "beta")[0];
  EXPECT_EQ(beta, test::value_of(*minimal, "beta")[0]);
  model->initialise(6);
  EXPECT_NE(test::value_of(*model, "beta")[0], beta);
  config::Config config = test::system_config("scalar_beta", 7, 12);
  config.model.beta0 = -1.25;
  const auto given = make_model(config);
  given->initialise(5);
  EXPECT_EQ(test::value_of(*given, "beta")[0], -1.25);
}

void expect_forward_agrees(Case& c) {
  c.forward();
  const Attending attending = c.activations->attending;
  const reference::Mlp mlp = test::reference_mlp(*c.model);
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const double z = mlp.forward(c.expected().forward(c.sample, b, attending));
    const auto rounded = reference::rounded_mlp(
        mlp, reference::rounded_attention(c.expected(), c.sample, b, attending));
    const double tolerance = reference::tolerance(rounded, std::abs(z));
    EXPECT_NEAR(c.activations->logits[b], z, tolerance) << b;
    EXPECT_LT(tolerance, 1e-3) << "too loose to be a test";
  }
}

TEST(ScalarBeta, ForwardAgreesWithTheReference) {
  for (const auto code : {nn::LabelCode::onehot, nn::LabelCode::scalar}) {
    for (const Attending attending : all_ways) {
      for (const SampleShape& s : {SampleShape{1, 2, 1}, {17, 2, 7}, {35, 20, 15}, {5, 9, 16}}) {
        SCOPED_TRACE(testing::Message()
                     << config::word(code) << ' ' << static_cast<int>(attending));
        Case c(s, 37, code);
        c.activations->attending = attending;
        expect_forward_agrees(c);
      }
    }
  }
}

// D = 63, H = 512, N = 100, initial weights.
TEST(ScalarBeta, ForwardAgreesWithTheReferenceAtFullSize) {
  Case c({18, 100, 63, 50}, 512);
  c.model->initialise(3);
  expect_forward_agrees(c);
}

#ifdef ICL_REAL_DOUBLE

TEST(ScalarBeta, BackwardIsTheDerivativeOfForward) {
  for (const auto code : {nn::LabelCode::onehot, nn::LabelCode::scalar}) {
    for (const Attending attending : all_ways) {
      for (const SampleShape& s : {SampleShape{3, 2, 3}, {19, 4, 6}, {5, 5, 15}}) {
        SCOPED_TRACE(testing::Message()
                     << config::word(code) << ' ' << static_cast<int>(attending));
        constexpr std::int64_t hidden = 13;
        Case c(s, hidden, code);
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
                relus.fill(b, mlp, c.expected().forward(c.sample, b, attending));
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
