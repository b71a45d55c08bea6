#include "icl/model/blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "icl/nn/loss.hpp"
#include "model/blocks_case.hpp"
#include "support/blas.hpp"
#include "support/errors.hpp"
#include "support/model_case.hpp"
#include "support/models.hpp"
#include "support/same_bits.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

using namespace blocks_test;
using nn::Attending;
using test::collect_gradients;
using test::largest_of;
using test::Sample;
using test::SampleShape;

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
    EXPECT_EQ(model->training_activation_bytes(7, 4), paper->training_activation_bytes(7, 4))
        << keys;
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
    const auto larger = c.model->make_training_activations(23, 4);
    c.model->forward(c.sample.batch, *larger, Workers(1));
    for (std::int64_t i = 0; i < c.activations->logits.size(); ++i) {
      EXPECT_EQ(larger->logits[i], c.activations->logits[i]) << keys;
    }
  }
}

// --- Asked at every position ---

/// Causality makes it exact but for rounding.
TEST(Blocks, AskedAtEveryPositionAnswerAsAtTheEndOfEachPrefix) {
  constexpr double bound = sizeof(Real) == sizeof(double) ? 1e-13 : 1e-5;
  std::size_t seen = 0;
  for (const std::string& keys : settings()) {
    const bool every = keys.find("loss_at") < keys.size();
    // Where positions are, as many for prefixes too.
    const bool onehot = keys.find("onehot") < keys.size();
    if (!every || onehot) continue;
    ++seen;
    config::Config config = make_config(keys);
    config.blocks.n_ctx = keys.find("learned") < keys.size() ? std::optional(7) : std::nullopt;
    Case whole(config);
    whole.forward();
    const Tensor& z = whole.activations->logits;
    ASSERT_EQ(z.extent(0), 5 * 4);
    for (std::int64_t length = 2; length <= 4; ++length) {
      config.data.N = length;
      Case prefix(config);
      const auto from = whole.model->parameters();
      const auto to = prefix.model->parameters();
      for (std::size_t i = 0; i < to.size(); ++i) {
        std::ranges::copy(from[i]->value.values(), to[i]->value.data());
      }
      Batch& batch = prefix.sample.batch;
      batch.table = whole.sample.batch.table;
      for (std::int64_t b = 0; b < 5; ++b) {
        std::copy_n(whole.sample.batch.items.row(b), length, batch.items.row(b));
      }
      const auto at_the_end = prefix.model->make_activations(5, length);
      prefix.model->forward(batch, *at_the_end, Workers(1));
      for (std::int64_t b = 0; b < 5; ++b) {
        for (std::int64_t c = 0; c < z.extent(1); ++c) {
          EXPECT_NEAR(z.row(b * 4 + length - 1)[c], at_the_end->logits.row(b)[c],
                      bound * largest_of(z))
              << keys << ": " << length << ' ' << b << ' ' << c;
        }
      }
    }
  }
  EXPECT_EQ(seen, 5);
}

TEST(Blocks, AskedAtEveryPositionTakeWhatThatTakes) {
  config::Config config = make_config(every_item + "blocks.n_layers = 1");
  const auto every = describe_model(config);
  config.train.loss_at.reset();
  const auto query = describe_model(config);
  EXPECT_EQ(every->activation_bytes(6, 4), query->activation_bytes(6, 4));
  EXPECT_EQ(query->training_activation_bytes(6, 4), query->activation_bytes(6, 4));
  EXPECT_GT(every->training_activation_bytes(6, 4), 1.5 * query->activation_bytes(6, 4));
  // The readout [7, 8, 8, 1] of 6 times 4 rows, not 6.
  const double readout = mlp_step_flops(6 * 3, {7, 8, 8, 1});
  EXPECT_GT(every->mlp_flops(6), query->mlp_flops(6) + readout);
}

}  // namespace
}  // namespace icl::model
