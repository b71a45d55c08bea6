#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/expect_conflicts.hpp"
#include "icl/config/conflict.hpp"

namespace icl::config {
namespace {

Blocks& blocks(Config& c) {
  c.model.system = System::blocks;
  return c.blocks;
}

TEST(FindConflict, OfBlocks) {
  using Keys = std::vector<std::string_view>;
  expect_conflicts(
      {{[](Config& c) { blocks(c).d_model = 128; },
        "blocks.d_model = 128: with blocks.read_in = \"none\" it is the 65 entries that a token "
        "has; \"linear\" takes any",
        Keys{"blocks.d_model", "blocks.read_in"}},
       {[](Config& c) { blocks(c).n_heads = 2; },
        "blocks.n_heads = 2 does not divide blocks.d_model = 65: give blocks.d_head, or other "
        "numbers",
        Keys{"blocks.n_heads", "blocks.d_model"}},
       {[](Config& c) {
          blocks(c).d_head = 8;
          c.blocks.output = HeadOutput::none;
        },
        "blocks.output = \"none\" adds the heads' results, blocks.n_heads = 1 times blocks.d_head "
        "= 8 entries, to blocks.d_model = 65: both must be as many",
        Keys{"blocks.output", "blocks.d_head", "blocks.n_heads", "blocks.d_model"}},
       {[](Config& c) { blocks(c).positions = Positions::rotary; },
        "blocks.positions = \"rotary\" turns pairs of entries: blocks.d_head = 65 must be even",
        Keys{"blocks.positions", "blocks.d_head"}},
       {[](Config& c) { blocks(c).n_ctx = 128; },
        "blocks.n_ctx = 128 is about the positions \"onehot\" and \"learned\": blocks.positions = "
        "\"none\" knows any place",
        Keys{"blocks.n_ctx", "blocks.positions"}},
       {[](Config& c) {
          blocks(c).n_ctx = 198;
          c.blocks.positions = Positions::learned;
          c.data.layout = Layout::interleaved;
        },
        "blocks.n_ctx = 198 must be at least the 199 tokens of a sequence of data.N = 100",
        Keys{"blocks.n_ctx", "data.N"}},
       {[](Config& c) {
          blocks(c).n_ctx = 101;
          c.blocks.positions = Positions::onehot;
        },
        "blocks.n_ctx = 101: with blocks.positions = \"onehot\" it is the 100 tokens of a "
        "sequence, "
        "unless blocks.shift = \"random\"",
        Keys{"blocks.n_ctx", "blocks.positions", "blocks.shift"}},
       {[](Config& c) { blocks(c).shift = Shift::random; },
        "blocks.shift = \"random\" is about the positions \"onehot\" and \"learned\", and "
        "blocks.positions = \"none\"",
        Keys{"blocks.shift", "blocks.positions"}},
       {[](Config& c) {
          blocks(c).shift = Shift::random;
          c.blocks.positions = Positions::onehot;
        },
        "blocks.shift = \"random\" needs more places than the 100 tokens of a sequence: "
        "blocks.n_ctx = 100 leaves no room to shift it",
        Keys{"blocks.shift", "blocks.n_ctx"}},
       {[](Config& c) {
          blocks(c).shift = Shift::random;
          c.blocks.positions = Positions::learned;
          c.blocks.n_ctx = 128;
          c.record.activations = "logit";
        },
        "record.activations: the sequences on which they are recorded have no place, and with "
        "blocks.shift = \"random\" they would need one",
        Keys{"record.activations", "blocks.shift"}},
       {[](Config& c) {
          blocks(c);
          c.train.loss_at = LossAt::every;
        },
        "train.loss_at = \"every\" asks for what is beside each item, and with data.layout = "
        "\"concatenated\" the item's own token holds it: data.layout must be \"interleaved\"",
        Keys{"train.loss_at", "data.layout"}},
       {[](Config& c) {
          blocks(c);
          c.train.loss_at = LossAt::every;
          c.data.task = TaskKind::regression;
          c.data.layout = Layout::concatenated;
        },
        "train.loss_at = \"every\" asks for what is beside each item, and with data.layout = "
        "\"concatenated\" the item's own token holds it: data.layout must be \"interleaved\"",
        Keys{"train.loss_at", "data.layout"}},
       {[](Config& c) {
          blocks(c);
          c.train.loss_at = LossAt::every;
          c.data.layout = Layout::interleaved;
          c.intervene.clamp = "uniform@:3, copy@5:9";
        },
        "intervene.clamp: \"copy\" attends from the target alone, and train.loss_at = \"every\" "
        "asks the other items too",
        Keys{"intervene.clamp", "train.loss_at"}},
       {[](Config& c) { c.train.loss_at = LossAt::query; },
        "train.loss_at = \"query\" has no meaning in the system \"one_layer\", only in: blocks",
        Keys{"train.loss_at", "model.system"}},
       {[](Config& c) { blocks(c).d_mlp = 10; },
        "blocks.d_mlp is about the MLPs of the layers, and blocks.mlp = \"none\" leaves them out",
        Keys{"blocks.d_mlp", "blocks.mlp"}},
       {[](Config& c) {
          blocks(c).readout = ReadoutKind::linear;
          c.model.hidden = 10;
        },
        "model.hidden = 10 is about the MLP of the readout, and blocks.readout = \"linear\" has "
        "none",
        Keys{"model.hidden", "blocks.readout"}},
       {[](Config& c) {
          blocks(c).readout = ReadoutKind::linear;
          c.record.activations = "logit, hidden_2";
        },
        "record.activations: \"hidden_2\" is a hidden layer of the readout, and blocks.readout = "
        "\"linear\" has none",
        Keys{"record.activations", "blocks.readout"}},
       {[](Config& c) {
          blocks(c).attention = AttentionKind::linear;
          c.probe.record = "norms, effective";
        },
        "probe.record: \"effective\" takes the weights of attention for shares, which those of "
        "blocks.attention = \"linear\" are not",
        Keys{"probe.record", "blocks.attention"}}});
  expect_conflicts(
      {{[](Config& c) {
          blocks(c);
          c.data.label_vectors = LabelVectors::onehot;
        },
        "data.label_vectors = \"onehot\" is about data.label_count labels, and it is not set",
        Keys{"data.label_vectors", "data.label_count"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 3;
          c.data.label_code = LabelCode::scalar;
          c.data.layout = Layout::interleaved;
        },
        "data.label_code = \"scalar\" is a code of two labels: data.label_count = 3 labels are "
        "coded by data.label_vectors",
        Keys{"data.label_code", "data.label_count", "data.label_vectors"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 3;
          c.data.labels = LabelRule::equal_others;
        },
        "data.labels = \"equal_others\" is a rule for two labels: with data.label_count = 3 it "
        "must "
        "be \"independent\"",
        Keys{"data.labels", "data.label_count"}},
       {[](Config& c) {
          blocks(c);
          c.data.K = 100;
          c.data.label_count = 101;
        },
        "data.label_count = 101 must be at most data.K = 100, so that each label has an item",
        Keys{"data.label_count", "data.K"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 2;
          c.probe.record = "norms memorisation";
        },
        "probe.record: \"memorisation\" reads the answers to copies that carry -1 and +1, and "
        "data.label_count = 2 labels are others",
        Keys{"probe.record", "data.label_count"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 2;
          c.probe.record = "effective";
        },
        "probe.record: \"effective\" reads the answers to copies that carry -1 and +1, and "
        "data.label_count = 2 labels are others",
        Keys{"probe.record", "data.label_count"}}});
  Config linear = of_system("blocks");
  linear.blocks.attention = AttentionKind::linear;
  EXPECT_FALSE(find_conflict(linear));
}

}  // namespace
}  // namespace icl::config
