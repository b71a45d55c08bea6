#include "icl/model/blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "icl/config/toml.hpp"
#include "icl/nn/loss.hpp"
#include "support/blas.hpp"
#include "support/errors.hpp"
#include "support/gradient_check.hpp"
#include "support/model_case.hpp"
#include "support/models.hpp"
#include "support/same_bits.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

using nn::Attending;
using test::collect_gradients;
using test::largest_of;
using test::Sample;
using test::SampleShape;

constexpr std::array all_attending{Attending::learned, Attending::uniform, Attending::copy,
                                   Attending::none};

/// D = 5 (7 entries a token), N = 4, and keys.
config::Config make_config(const std::string& keys) {
  return config::parse(
      "model.system = \"blocks\"\nmodel.hidden = 8\ndata.D = 5\ndata.N = 4\ndata.K = 10\n" + keys,
      "test");
}

/// Each option, and some together.
const std::vector<std::string>& settings() {
  static const std::string wide = "blocks.read_in = \"linear\"\nblocks.d_model = 6\n";
  static const std::vector<std::string> all{
      "",
      "blocks.norm = \"none\"",
      "blocks.norm = \"input\"",
      "blocks.norm = \"input\"\n" + wide,
      "blocks.norm = \"input\"\nblocks.positions = \"onehot\"\n" + wide,
      "blocks.norm = \"input\"\nblocks.positions = \"onehot\"",
      "blocks.n_layers = 1\n" + wide,
      "blocks.n_layers = 3",
      "blocks.n_heads = 2\n" + wide,
      "blocks.n_heads = 3\nblocks.d_head = 4",
      "blocks.attention = \"linear\"",
      "blocks.attn_scale = \"none\"",
      "blocks.output = \"none\"\nblocks.n_heads = 2\n" + wide,
      "blocks.positions = \"onehot\"",
      "blocks.positions = \"learned\"",
      "blocks.positions = \"learned\"\nblocks.n_ctx = 6",
      "blocks.positions = \"sinusoidal\"",
      "blocks.positions = \"rotary\"\nblocks.n_heads = 2\nblocks.d_head = 4",
      "blocks.positions = \"rotary\"\nblocks.attention = \"linear\"\n" + wide,
      "blocks.mlp = \"every\"\nblocks.d_mlp = 9",
      "blocks.mlp = \"every\"\nblocks.d_mlp = 9\nblocks.act_fn = \"gelu_new\"",
      "blocks.mlp = \"every\"\nblocks.d_mlp = 9\nblocks.mlp_layers = 3\nblocks.norm = \"none\"",
      "blocks.mlp = \"inner\"\nblocks.d_mlp = 9\nblocks.residual = \"attention\"",
      "blocks.mlp = \"inner\"\nblocks.d_mlp = 9\nblocks.residual = \"attention\"\n"
      "blocks.norm = \"input\"\nblocks.mlp_layers = 3\nblocks.act_fn = \"gelu_new\"",
      "data.label_code = \"scalar\"\ndata.layout = \"concatenated\"",
      "data.layout = \"interleaved\"\nblocks.positions = \"learned\"",
      "data.layout = \"interleaved\"\nblocks.positions = \"rotary\"\nblocks.norm = \"none\"\n" +
          wide,
      "data.layout = \"interleaved\"\ndata.label_code = \"scalar\"\nblocks.positions = \"onehot\"",
      "data.label_count = 4",
      "data.label_count = 4\ndata.label_vectors = \"gaussian\"\n" + wide,
      "data.label_count = 3\ndata.layout = \"interleaved\"\nblocks.positions = \"learned\"",
      "data.label_count = 4\ndata.label_vectors = \"gaussian\"\ndata.layout = \"interleaved\"\n"
      "blocks.positions = \"onehot\"\nblocks.norm = \"input\""};
  return all;
}

/// Parameters of a size at which no gradient is small; scores of the order of one.
void randomise(Model& model) {
  std::uint64_t seed = 31;
  for (nn::Parameter* p : model.parameters()) {
    const bool is_matrix = p->axes.size() == 2;
    const bool is_gain = !is_matrix && p->name.ends_with(".weight");
    const double fan_in = is_matrix ? static_cast<double>(p->value.extent(1)) : 4.0;
    test::fill_normal(p->value.values(), seed++, is_gain ? 0.3 : 1.2 / std::sqrt(fan_in),
                      is_gain ? 1 : 0);
  }
}

struct Case : test::ModelCase {
  explicit Case(const config::Config& config, std::int64_t batch = 5)
      : ModelCase(config, {.batch = batch,
                           .length = config.data.N,
                           .dimension = config.data.D,
                           .labels = config.data.label_count.value_or(0)}) {
    randomise(*model);
  }
  explicit Case(const std::string& keys) : Case(make_config(keys)) {}
};

/// The same network by another system: logits and all gradients, of parameters in the same order.
void expect_the_same_network(const config::Config& preset, const std::string& keys) {
  constexpr double bound = sizeof(Real) == sizeof(double) ? 1e-12 : 2e-5;
  const auto other = make_model(preset);
  for (const Attending attending : all_attending) {
    Case c(keys);
    const auto mine = c.model->parameters();
    const auto theirs = other->parameters();
    ASSERT_EQ(mine.size(), theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      ASSERT_TRUE(std::ranges::equal(mine[i]->value.shape(), theirs[i]->value.shape()))
          << mine[i]->name << ' ' << theirs[i]->name;
      std::ranges::copy(mine[i]->value.values(), theirs[i]->value.data());
    }
    const auto expected = collect_gradients(*other);
    const auto gradients = collect_gradients(*c.model);
    const Sample sample({5, preset.data.N, preset.data.D}, *other);  // of the same seed
    const auto a = other->make_activations(5, preset.data.N);
    a->attending = c.activations->attending = attending;
    other->forward(sample.batch, *a, Workers(1));
    c.forward();
    for (std::int64_t b = 0; b < 5; ++b) {
      EXPECT_NEAR(c.activations->logits[b], a->logits[b], bound * largest_of(a->logits));
    }
    c.backward();
    std::ranges::copy(c.activations->dlogits.values(), a->dlogits.data());
    other->backward(sample.batch, *a, Workers(1));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (std::int64_t k = 0; k < expected[i].size(); ++k) {
        ASSERT_NEAR(gradients[i][k], expected[i][k], 2 * bound * largest_of(expected[i]))
            << mine[i]->name << ' ' << k << ' ' << static_cast<int>(attending);
      }
    }
  }
}

const std::string preset_keys =
    "blocks.norm = \"input\"\nblocks.attn_scale = \"none\"\nblocks.output = \"none\"\n";

config::Config preset(std::string_view system) {
  config::Config config = test::system_config(system, 5, 8);
  config.data.N = 4;
  return config;
}

TEST(Blocks, WithOneLayerAreTheOneLayerTransformer) {
  expect_the_same_network(preset("one_layer"), preset_keys + "blocks.n_layers = 1");
}

TEST(Blocks, WithMlpsWithoutResidualAreTheTransformerOfSeveralLayers) {
  for (const std::int64_t layers : {2, 3}) {
    config::Config config = preset("multi_layer");
    config.model.layers = layers;
    expect_the_same_network(config, preset_keys + "blocks.n_layers = " + std::to_string(layers) +
                                        "\nblocks.mlp = \"inner\"\nblocks.mlp_layers = 3\n"
                                        "blocks.d_mlp = 8\nblocks.residual = \"attention\"");
  }
}

TEST(Blocks, ParametersAreNamedOnceAndAxesHaveOneLengthEach) {
  for (const std::string& keys : settings()) {
    const auto model = make_model(make_config(keys));
    std::set<std::string> names;
    std::map<std::string, std::int64_t> lengths;
    for (const nn::Parameter* p : model->parameters()) {
      EXPECT_TRUE(names.insert(p->name).second) << p->name;
      EXPECT_GT(p->value.size(), 0) << p->name;
      ASSERT_EQ(p->axes.size(), p->value.shape().size()) << p->name;
      for (std::size_t axis = 0; axis < p->axes.size(); ++axis) {
        const auto [entry, inserted] = lengths.emplace(p->axes[axis], p->value.extent(axis));
        EXPECT_EQ(entry->second, p->value.extent(axis)) << p->name << ' ' << p->axes[axis];
      }
    }
  }
}

TEST(Blocks, RefuseSequencesOfAnotherLength) {
  Case c("");
  const test::Sample longer({5, 5, 5}, *c.model);
  const auto activations = c.model->make_activations(5, 5);
  EXPECT_EQ(test::message_of(ExitCode::internal,
                             [&] { c.model->forward(longer.batch, *activations, Workers(1)); }),
            "sequences of 5 items do not fit a model of 4");
}

TEST(Blocks, OnPaperAreAsLargeAsTheyAre) {
  for (const std::string& keys : settings()) {
    const auto model = make_model(make_config(keys));
    const auto paper = describe_model(make_config(keys));
    EXPECT_EQ(parameter_count(*model), parameter_count(*paper)) << keys;
    EXPECT_EQ(model->activation_bytes(7, 4), paper->activation_bytes(7, 4)) << keys;
    EXPECT_EQ(model->mlp_flops(7), paper->mlp_flops(7)) << keys;
    EXPECT_GT(model->mlp_flops(7), 0) << keys;
  }
}

TEST(Blocks, InitialWeightsAreAPureFunctionOfTheSeedAndDiffer) {
  for (const std::string& keys : settings()) {
    const auto initial = [&](std::int64_t seed) {
      const auto model = make_model(make_config(keys));
      randomise(*model);
      model->initialise(seed);
      std::vector<Tensor> values;
      for (nn::Parameter* p : model->parameters()) values.push_back(std::move(p->value));
      return values;
    };
    const auto values = initial(1);
    EXPECT_TRUE(test::same_bits(values, initial(1)));
    EXPECT_FALSE(test::same_bits(values, initial(2)));
    // Relative to their bounds, no two matrices begin alike.
    std::set<long> first;
    std::size_t matrices = 0;
    const auto model = make_model(make_config(keys));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Tensor& value = values[i];
      if (value.shape().size() < 2 || model->parameters()[i]->frozen) continue;
      const double bound = 1 / std::sqrt(static_cast<double>(value.extent(1)));
      EXPECT_LE(largest_of(value), bound * (1 + 1e-7));
      first.insert(std::lround(1e5 * double{value[0]} / bound));
      ++matrices;
    }
    EXPECT_EQ(first.size(), matrices) << keys;
  }
}

TEST(Blocks, TheTargetsWeightsAreThoseOfItems) {
  for (const std::string& keys : settings()) {
    if (keys.find("attention = \"linear\"") < keys.size()) continue;
    Case c(keys);
    for (const Attending attending : {Attending::learned, Attending::uniform, Attending::copy}) {
      c.activations->attending = attending;
      c.forward();
      const Tensor& a = *c.activations->attention();
      ASSERT_TRUE(std::ranges::equal(a.shape(), std::vector<std::int64_t>{5, 4}));
      for (std::int64_t b = 0; b < 5; ++b) {
        double sum = 0;
        double copies = 0;
        for (std::int64_t j = 0; j < 4; ++j) {
          sum += double{a.row(b)[j]};
          if (j < 3 && c.sample.batch.copy.row(b)[j] != 0) copies += double{a.row(b)[j]};
        }
        const bool somewhere = attending != Attending::copy || c.sample.copies(b) > 0;
        EXPECT_NEAR(sum, somewhere ? 1 : 0, 1e-6) << keys;
        if (attending == Attending::copy) {
          EXPECT_EQ(copies, sum) << keys;
        }
      }
    }
  }
}

// --- Shifted sequences ---

TEST(Blocks, AShiftedSequenceStandsAtLaterPlaces) {
  Case c("blocks.positions = \"learned\"\nblocks.n_ctx = 6\nblocks.shift = \"random\"");
  c.forward();
  const Tensor without = c.activations->logits.clone();
  c.sample.batch.shift = BasicTensor<std::int32_t>({5});
  const auto shift_all = [&](std::int32_t to) {
    std::ranges::fill(c.sample.batch.shift.values(), to);
    c.forward();
    return c.activations->logits.clone();
  };
  const Tensor at_first = shift_all(0);
  const Tensor at_third = shift_all(2);
  EXPECT_TRUE(test::same_bits(at_first, without));
  EXPECT_FALSE(test::same_bits(at_first, at_third));
  nn::Parameter& places = *c.model->parameters().front();  // embed.positions.weight [6, 7]
  ASSERT_EQ(places.name, "embed.positions.weight");
  std::copy_n(places.value.row(0), 4 * 7, places.value.row(2));
  EXPECT_TRUE(test::same_bits(at_first, shift_all(2)));
}

// --- Clamped heads ---

constexpr const char* two_heads =
    "blocks.n_heads = 2\nblocks.d_head = 3\ndata.layout = \"interleaved\"\n"
    "blocks.positions = \"learned\"";

TEST(Blocks, AClampOfTheTargetIsOneOfAllHeadsOfTheLastLayer) {
  for (const Attending attending : all_attending) {
    Case one(two_heads);
    Case other(two_heads);
    one.activations->attending = attending;
    const std::array all{nn::HeadClamp{1, nn::HeadClamp::all, attending}};
    const std::array each{nn::HeadClamp{1, 0, attending}, nn::HeadClamp{1, 1, attending}};
    one.forward();
    for (const std::span<const nn::HeadClamp> heads :
         {std::span<const nn::HeadClamp>(all), std::span<const nn::HeadClamp>(each)}) {
      other.activations->clamp({Attending::learned, heads});
      other.forward();
      EXPECT_TRUE(test::same_bits(one.activations->logits, other.activations->logits));
      other.activations->clamp({Attending::uniform, heads});  // heads win
      other.forward();
      EXPECT_TRUE(test::same_bits(one.activations->logits, other.activations->logits));
    }
  }
}

TEST(Blocks, EachHeadCanBeClampedByItself) {
  Case c(two_heads);
  c.forward();
  const Tensor learned = c.activations->logits.clone();
  std::vector<Tensor> found;
  for (const std::int64_t layer : {0, 1}) {
    for (const std::int64_t head : {0, 1}) {
      const std::array clamp{nn::HeadClamp{layer, head, Attending::none}};
      c.activations->clamp({Attending::learned, clamp});
      c.forward();
      for (const Tensor& earlier : found) {
        EXPECT_NE(c.activations->logits[0], earlier[0]) << layer << ' ' << head;
      }
      EXPECT_NE(c.activations->logits[0], learned[0]) << layer << ' ' << head;
      found.push_back(c.activations->logits.clone());
    }
  }
  c.activations->clamp({});
  c.forward();
  EXPECT_TRUE(test::same_bits(c.activations->logits, learned));
}

TEST(Blocks, NameTheirTensorsOnceLogitsLast) {
  for (const std::string& keys : settings()) {
    Case c(keys);
    std::set<std::string_view> names;
    const auto named = c.activations->forward_tensors();
    for (const auto& [name, tensor] : named) EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(named.back().second, &c.activations->logits);
  }
}

TEST(Blocks, FillActivationsMadeForLargerBatches) {
  for (const std::string& keys : settings()) {
    Case c(keys);
    c.forward();
    const auto larger = c.model->make_activations(23, 4);
    c.model->forward(c.sample.batch, *larger, Workers(1));
    for (std::int64_t b = 0; b < 5; ++b) {
      EXPECT_EQ(larger->logits[b], c.activations->logits[b]) << keys;
    }
  }
}

/// A step that rides on the backward pass ends where the gradient leads: no weight changes before
/// all that needs it is computed.
TEST(Blocks, TakeInputGradientsBeforeTheWeightsChange) {
  constexpr double rate = 0.5;
  const double unit = sizeof(Real) == sizeof(double) ? 1e-14 : 1e-5;
  for (const std::string& keys : settings()) {
    Case plain(keys);
    const auto gradients = collect_gradients(*plain.model);
    plain.forward();
    plain.backward();
    Case stepped(keys);
    for (nn::Parameter* p : stepped.model->parameters()) test::set_step(*p, rate, 0);
    stepped.forward();
    stepped.backward();
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const nn::Parameter& before = *plain.model->parameters()[i];
      const Tensor& after = stepped.model->parameters()[i]->value;
      const double size = largest_of(before.value) + rate * largest_of(gradients[i]);
      for (std::int64_t k = 0; k < after.size(); ++k) {
        ASSERT_NEAR(after[k], double{before.value[k]} - rate * double{gradients[i][k]}, unit * size)
            << keys << ": " << before.name << ' ' << k;
      }
    }
  }
}

TEST(Blocks, ThreeStepsHaveTheSameBitsForAnyNumberOfWorkers) {
  for (const std::string keys :
       {"blocks.n_heads = 3\nblocks.d_head = 4\nblocks.positions = \"learned\"\n"
        "blocks.mlp = \"every\"\nblocks.d_mlp = 150",
        "data.layout = \"interleaved\"\nblocks.positions = \"rotary\"\nblocks.norm = \"input\"\n"
        "blocks.d_model = 140\nblocks.read_in = \"linear\""}) {
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Case c(make_config(keys), 150);
      c.model->initialise(1);
      return c.three_steps(workers);
    });
  }
}

#ifdef ICL_REAL_DOUBLE

/// Checks all parameters against the logits.
testing::AssertionResult check_gradients(Case& c, bool gelu) {
  test::GradientCheck check(7);
  for (nn::Parameter* p : c.model->parameters()) {
    if (!p->frozen) check.parameter(*p);
  }
  check.output(c.activations->logits.values(), c.activations->dlogits.values());
  for (const auto& [name, tensor] : c.activations->forward_tensors()) {
    const bool of_layer = name.starts_with("layer");
    if (name.find("hidden") < name.size() && !(of_layer && gelu)) check.relu(tensor->values());
  }
  return check.run([&] { c.forward(); },
                   [&] { c.model->backward(c.sample.batch, *c.activations, Workers(1)); });
}

TEST(Blocks, BackwardIsTheDerivativeOfForward) {
  for (const std::string& keys : settings()) {
    Case c(keys);
    EXPECT_TRUE(check_gradients(c, keys.find("gelu") < keys.size())) << keys;
  }
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWithALinearReadout) {
  config::Config config = make_config("");
  config.model.hidden = 512;
  config.blocks.readout = config::ReadoutKind::linear;
  Case c(config);
  EXPECT_TRUE(check_gradients(c, false));
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWhereverTheTargetAttends) {
  for (const std::string keys : {"", "data.layout = \"interleaved\"\nblocks.n_heads = 7"}) {
    for (const Attending attending : all_attending) {
      Case c(keys);
      c.activations->attending = attending;
      EXPECT_TRUE(check_gradients(c, false)) << keys << static_cast<int>(attending);
    }
  }
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWhereSequencesAreShifted) {
  for (const std::string positions : {"onehot", "learned"}) {
    Case c(
        "data.layout = \"interleaved\"\nblocks.n_ctx = 10\nblocks.shift = \"random\"\n"
        "blocks.positions = \"" +
        positions + '"');
    c.sample.batch.shift = BasicTensor<std::int32_t>({5});
    for (std::int32_t b = 0; b < 5; ++b) c.sample.batch.shift[b] = (2 * b) % 4;
    EXPECT_TRUE(check_gradients(c, false)) << positions;
  }
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWhateverHeadsAreClampedTo) {
  const std::array clamps{nn::HeadClamp{0, 0, Attending::previous},
                          nn::HeadClamp{0, 1, Attending::copy},
                          nn::HeadClamp{1, 1, Attending::uniform}};
  Case c(two_heads);
  c.activations->clamp({Attending::learned, clamps});
  EXPECT_TRUE(check_gradients(c, false));
}

#endif

}  // namespace
}  // namespace icl::model
