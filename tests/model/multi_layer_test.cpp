#include "icl/model/multi_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "icl/nn/logistic_loss.hpp"
#include "icl/nn/target_attention.hpp"
#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/model_case.hpp"
#include "support/multi_layer_reference.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

namespace reference = test::reference;
using nn::Attending;
using test::collect_gradients;
using test::largest_of;
using test::Sample;
using test::SampleShape;

constexpr std::array all_attending{Attending::learned, Attending::uniform, Attending::copy,
                                   Attending::none};

config::Config make_config(std::int64_t layers, std::int64_t dimension, std::int64_t hidden) {
  config::Config config = test::system_config("multi_layer", dimension, hidden);
  config.model.layers = layers;
  return config;
}

/// Brings the scores back to the order of one: sharper softmaxes, one after the other, enlarge
/// rounding errors until a comparison says nothing.
void soften(Model& model) {
  for (nn::Parameter* p : model.parameters()) {
    if (!p->name.ends_with("qkv.weight")) continue;
    for (Real& w : p->value.values()) w *= Real{0.625};
  }
}

struct Case : test::ModelCase {
  Case(const config::Config& config, const SampleShape& s) : ModelCase(config, s) {
    soften(*model);
  }
  Case(std::int64_t layers, const SampleShape& s, std::int64_t hidden)
      : Case(make_config(layers, s.dimension, hidden), s) {}
};

struct Description {
  std::string name;
  std::vector<std::int64_t> shape;
  nn::Group group;
};

/// At L = 3, D = 7, hidden = 12.
std::vector<Description> three_layer_parameters() {
  using enum nn::Group;
  std::vector<Description> all{{"to_embedding.0.weight", {9}, attention},
                               {"to_embedding.0.bias", {9}, attention}};
  const auto add_mlp = [&all](const std::string& name, std::int64_t out) {
    all.push_back({name + ".0.weight", {12, 9}, mlp});
    all.push_back({name + ".0.bias", {12}, mlp});
    all.push_back({name + ".2.weight", {12, 12}, mlp});
    all.push_back({name + ".2.bias", {12}, mlp});
    all.push_back({name + ".4.weight", {out, 12}, mlp});
    all.push_back({name + ".4.bias", {out}, mlp});
  };
  all.push_back({"layers.0.qkv.weight", {27, 9}, attention});
  add_mlp("layers.0.mlp", 9);
  all.push_back({"layers.1.qkv.weight", {27, 9}, attention});
  add_mlp("layers.1.mlp", 9);
  all.push_back({"layers.2.qkv.weight", {27, 9}, attention});
  add_mlp("mlp", 1);
  return all;
}

TEST(MultiLayer, DescribesItsParameters) {
  const auto model = make_model(make_config(3, 7, 12));
  const auto parameters = model->parameters();
  const auto expected = three_layer_parameters();
  ASSERT_EQ(parameters.size(), expected.size());
  std::map<std::string, std::int64_t> lengths;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const nn::Parameter& p = *parameters[i];
    EXPECT_EQ(p.name, expected[i].name);
    EXPECT_TRUE(std::ranges::equal(p.value.shape(), expected[i].shape)) << p.name;
    EXPECT_EQ(p.group, expected[i].group) << p.name;
    ASSERT_EQ(p.axes.size(), expected[i].shape.size()) << p.name;
    for (std::size_t axis = 0; axis < p.axes.size(); ++axis) {
      const auto [entry, inserted] = lengths.emplace(p.axes[axis], p.value.extent(axis));
      EXPECT_EQ(entry->second, p.value.extent(axis)) << p.name << ' ' << p.axes[axis];
    }
  }
}

TEST(MultiLayer, FreezesTheOutputMlpAlone) {
  for (const bool frozen : {false, true}) {
    config::Config config = make_config(3, 7, 12);
    config.compat.frozen_readout = frozen;
    const auto model = make_model(config);
    for (const nn::Parameter* p : model->parameters()) {
      EXPECT_EQ(p->frozen, frozen && p->name.starts_with("mlp.")) << p->name;
    }
  }
}

TEST(MultiLayer, InitialWeightsAreAPureFunctionOfTheSeedAndDiffer) {
  const auto config = make_config(3, 7, 12);
  const auto initial = [&](std::int64_t seed) {
    const auto model = make_model(config);
    test::randomise(*model);
    model->initialise(seed);
    std::vector<Tensor> values;
    for (nn::Parameter* p : model->parameters()) values.push_back(std::move(p->value));
    return values;
  };
  const auto values = initial(1);
  const auto others = initial(2);
  EXPECT_TRUE(test::same_bits(values, initial(1)));
  const auto is = [](Real number) { return [number](Real x) { return x == number; }; };
  EXPECT_TRUE(std::ranges::all_of(values[0].values(), is(1)));
  EXPECT_TRUE(std::ranges::all_of(values[1].values(), is(0)));
  // Relative to their bounds, no two parameters begin alike.
  std::set<long> first;
  for (std::size_t i = 2; i < values.size(); ++i) {
    EXPECT_FALSE(test::same_bits(values[i], others[i])) << i;
    const std::string name = three_layer_parameters()[i].name;
    const bool reads_token = name.ends_with("qkv.weight") || name.find("mlp.0") < name.size();
    const double bound = 1 / std::sqrt(reads_token ? 9.0 : 12.0);
    EXPECT_LE(largest_of(values[i]), bound * (1 + 1e-7)) << name;  // rounded to float
    first.insert(std::lround(1e5 * double{values[i][0]} / bound));
  }
  EXPECT_EQ(first.size(), values.size() - 2);
}

// Rounding errors through L layers in the model of support/rounding_error.hpp. In double 1e-12 is
// asked for as well.
void expect_forward_agrees(Case& c, std::int64_t layers, Attending attending) {
  c.activations->attending = attending;
  c.forward();
  const reference::MultiLayer expected(*c.model, static_cast<std::size_t>(layers));
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const double z = expected.forward(c.sample, b, attending);
    const auto rounded = expected.rounded(c.sample, b, attending);
    const double size = std::max(1.0, std::abs(z));
    ASSERT_NEAR(rounded.value, z, 1e-12 * size) << "two references, one result";
    EXPECT_NEAR(c.activations->logits[b], z, rounded.tolerance()) << b;
    EXPECT_LT(rounded.tolerance(), 2e-3 * size) << "too loose to be a test";
    if (sizeof(Real) == sizeof(double)) {
      EXPECT_NEAR(c.activations->logits[b], z, 1e-12 * size);
    }
  }
}

TEST(MultiLayer, ForwardAgreesWithTheReference) {
  for (const std::int64_t layers : {1, 2, 3}) {
    for (const SampleShape& s : {SampleShape{1, 1, 1}, {17, 2, 7}, {18, 9, 7, 20}, {5, 13, 16}}) {
      for (const Attending attending : all_attending) {
        SCOPED_TRACE(testing::Message()
                     << layers << " layers, " << s.batch << ' ' << s.length << ' ' << s.dimension
                     << ", attending " << static_cast<int>(attending));
        Case c(layers, s, 21);
        expect_forward_agrees(c, layers, attending);
      }
    }
  }
}

// As published, but for the number of sequences: D = 63, H = 512, initial weights.
TEST(MultiLayer, ForwardAgreesWithTheReferenceAtFullWidth) {
  Case c(2, {2, 20, 63, 50}, 512);
  c.model->initialise(3);
  expect_forward_agrees(c, 2, Attending::learned);
}

// S1 takes another way to the same numbers: reduced tokens, scores without their constant.
TEST(MultiLayer, WithOneLayerIsTheOneLayerModel) {
  constexpr double bound = sizeof(Real) == sizeof(double) ? 1e-12 : 1e-4;
  const SampleShape s{19, 6, 7};
  for (const Attending attending : all_attending) {
    Case c(1, s, 13);
    const auto one = test::make_model("one_layer", s.dimension, 13);
    c.model->initialise(5);
    one->initialise(5);
    for (std::size_t i = 0; i < one->parameters().size(); ++i) {
      EXPECT_TRUE(test::same_bits(one->parameters()[i]->value, c.model->parameters()[i]->value));
    }
    test::randomise(*one);
    test::randomise(*c.model);
    const auto expected = collect_gradients(*one);
    const auto gradients = collect_gradients(*c.model);
    const auto a = one->make_activations(s.batch, s.length);
    a->attending = attending;
    c.activations->attending = attending;
    one->forward(c.sample.batch, *a, Workers(1));
    c.forward();
    for (std::int64_t b = 0; b < s.batch; ++b) {
      EXPECT_NEAR(c.activations->logits[b], a->logits[b], bound * largest_of(a->logits));
    }
    c.backward();
    std::ranges::copy(c.activations->dlogits.values(), a->dlogits.data());
    one->backward(c.sample.batch, *a, Workers(1));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (std::int64_t k = 0; k < expected[i].size(); ++k) {
        ASSERT_NEAR(gradients[i][k], expected[i][k], bound * largest_of(expected[i]))
            << c.model->parameters()[i]->name << ' ' << k;
      }
    }
    EXPECT_NEAR(c.model->identity_alignment(), one->identity_alignment(), 1e-12);
    EXPECT_EQ(c.model->mlp_flops(s.batch), one->mlp_flops(s.batch));
  }
}

TEST(MultiLayer, ReportsTheLastLayer) {
  const SampleShape s{5, 6, 7};
  Case c(2, s, 13);
  c.forward();
  const Tensor* a = c.activations->attention();
  ASSERT_NE(a, nullptr);
  EXPECT_TRUE(std::ranges::equal(a->shape(), std::vector<std::int64_t>{s.batch, s.length}));
  for (std::int64_t b = 0; b < s.batch; ++b) {
    double sum = 0;
    for (std::int64_t j = 0; j < s.length; ++j) sum += double{a->row(b)[j]};
    EXPECT_NEAR(sum, 1, 20 * test::unit_roundoff);
  }
  EXPECT_EQ(c.model->identity_alignment(),
            nn::identity_alignment(test::value_of(*c.model, "layers.1.qkv.weight"),
                                   test::value_of(*c.model, "to_embedding.0.weight"), 7));
  const auto named = c.activations->forward_tensors();
  std::set<std::string_view> names;
  for (const auto& [name, tensor] : named) EXPECT_TRUE(names.insert(name).second) << name;
  EXPECT_EQ(named.back().second, &c.activations->logits);
}

TEST(MultiLayer, CountsTheProductsOfAllMlps) {
  config::Config config = make_config(3, 63, 512);
  config.data.N = 100;
  const double weights = 65.0 * 512 + 512.0 * 512;
  const double token = weights + 512 * 65;
  const double output = weights + 512;
  EXPECT_EQ(make_model(config)->mlp_flops(128), 6 * 128 * (2 * 100 * token + output));
}

TEST(MultiLayer, TakesInputGradientsBeforeTheWeightsChange) {
  constexpr double rate = 0.01;
  constexpr double decay = 0.3;
  const SampleShape s{19, 5, 7};
  Case plain(3, s, 33);
  const auto gradients = collect_gradients(*plain.model);
  plain.forward();
  plain.backward();
  Case stepped(3, s, 33);
  for (nn::Parameter* p : stepped.model->parameters()) test::set_step(*p, rate, decay);
  stepped.forward();
  stepped.backward();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const nn::Parameter& before = *plain.model->parameters()[i];
    const Tensor& after = stepped.model->parameters()[i]->value;
    // The terms of a gradient are not known here; they cancel to a tenth at most.
    const double magnitude = 10 * largest_of(gradients[i]);
    for (std::int64_t k = 0; k < after.size(); ++k) {
      const auto step = test::exact_step(before.value[k], rate, decay, s.batch * s.length,
                                         gradients[i][k], magnitude);
      ASSERT_NEAR(after[k], step.value, step.tolerance) << before.name << ' ' << k;
    }
  }
}

#ifdef ICL_REAL_DOUBLE

/// Checks all parameters, LayerNorm included, against the logits.
testing::AssertionResult check_gradients(Case& c) {
  test::GradientCheck check(7);
  for (nn::Parameter* p : c.model->parameters()) check.parameter(*p);
  check.output(c.activations->logits.values(), c.activations->dlogits.values());
  for (const auto& [name, tensor] : c.activations->forward_tensors()) {
    if (name.find("hidden") < name.size()) check.relu(tensor->values());
  }
  return check.run([&] { c.forward(); },
                   [&] { c.model->backward(c.sample.batch, *c.activations, Workers(1)); });
}

TEST(MultiLayer, BackwardIsTheDerivativeOfForward) {
  for (const std::int64_t layers : {1, 2, 3}) {
    for (const SampleShape& s : {SampleShape{1, 1, 1}, {3, 2, 5}, {18, 3, 4}, {2, 7, 6}}) {
      Case c(layers, s, 8);
      EXPECT_TRUE(check_gradients(c))
          << layers << " layers, " << s.batch << ' ' << s.length << ' ' << s.dimension;
    }
  }
}

TEST(MultiLayer, BackwardIsTheDerivativeOfForwardWhereverTheTargetAttends) {
  for (const Attending attending : all_attending) {
    Case c(2, {5, 4, 5}, 8);
    c.activations->attending = attending;
    EXPECT_TRUE(check_gradients(c)) << static_cast<int>(attending);
  }
}

TEST(MultiLayer, BackwardIsTheDerivativeOfForwardWithScalarLabels) {
  config::Config config = make_config(2, 5, 8);
  config.data.label_code = config::LabelCode::scalar;
  Case c(config, {5, 4, 5});
  EXPECT_TRUE(check_gradients(c));
}

#endif

}  // namespace
}  // namespace icl::model
