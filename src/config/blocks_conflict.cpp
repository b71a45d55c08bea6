#include "conflicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "icl/config/probe_set.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

using Result = std::optional<Conflict>;

Result in_widths(const Config& c, const BlocksShape& s) {
  if (s.read_in == ReadIn::none && s.d_model != s.d_input) {
    return Conflict{fmt::format("blocks.d_model = {}: with blocks.read_in = \"none\" it is the "
                                "{} entries that a token has; \"linear\" takes any",
                                s.d_model, s.d_input),
                    {"blocks.d_model", "blocks.read_in"}};
  }
  if (!c.blocks.d_head && s.d_model % s.n_heads != 0) {
    return Conflict{fmt::format("blocks.n_heads = {} does not divide blocks.d_model = {}: give "
                                "blocks.d_head, or other numbers",
                                s.n_heads, s.d_model),
                    {"blocks.n_heads", "blocks.d_model"}};
  }
  if (s.output == HeadOutput::none && s.n_heads * s.d_head != s.d_model) {
    return Conflict{
        fmt::format("blocks.output = \"none\" adds the heads' results, blocks.n_heads = {} times "
                    "blocks.d_head = {} entries, to blocks.d_model = {}: both must be as many",
                    s.n_heads, s.d_head, s.d_model),
        {"blocks.output", "blocks.d_head", "blocks.n_heads", "blocks.d_model"}};
  }
  return std::nullopt;
}

Result in_shift(const BlocksShape& s) {
  if (s.shift == Shift::none) return std::nullopt;
  if (s.positions != Positions::onehot && s.positions != Positions::learned) {
    return Conflict{fmt::format("blocks.shift = \"random\" is about the positions \"onehot\" and "
                                "\"learned\", and blocks.positions = \"{}\"",
                                word(s.positions)),
                    {"blocks.shift", "blocks.positions"}};
  }
  if (s.n_ctx <= s.tokens) {
    return Conflict{
        fmt::format("blocks.shift = \"random\" needs more places than the {} tokens of a "
                    "sequence: blocks.n_ctx = {} leaves no room to shift it",
                    s.tokens, s.n_ctx),
        {"blocks.shift", "blocks.n_ctx"}};
  }
  return std::nullopt;
}

Result in_positions(const Config& c, const BlocksShape& s) {
  if (s.positions == Positions::rotary && s.d_head % 2 != 0) {
    return Conflict{fmt::format("blocks.positions = \"rotary\" turns pairs of entries: "
                                "blocks.d_head = {} must be even",
                                s.d_head),
                    {"blocks.positions", "blocks.d_head"}};
  }
  if (auto conflict = in_shift(s)) return conflict;
  if (!c.blocks.n_ctx) return std::nullopt;
  if (s.positions != Positions::onehot && s.positions != Positions::learned) {
    return Conflict{fmt::format("blocks.n_ctx = {} is about the positions \"onehot\" and "
                                "\"learned\": blocks.positions = \"{}\" knows any place",
                                s.n_ctx, word(s.positions)),
                    {"blocks.n_ctx", "blocks.positions"}};
  }
  if (s.n_ctx < s.tokens) {
    return Conflict{fmt::format("blocks.n_ctx = {} must be at least the {} tokens of a sequence "
                                "of data.N = {}",
                                s.n_ctx, s.tokens, c.data.N),
                    {"blocks.n_ctx", "data.N"}};
  }
  if (s.positions == Positions::onehot && s.shift == Shift::none && s.n_ctx != s.tokens) {
    return Conflict{fmt::format("blocks.n_ctx = {}: with blocks.positions = \"onehot\" it is the "
                                "{} tokens of a sequence, unless blocks.shift = \"random\"",
                                s.n_ctx, s.tokens),
                    {"blocks.n_ctx", "blocks.positions", "blocks.shift"}};
  }
  return std::nullopt;
}

/// The fixed set of a run file holds no places.
Result in_recorded_activations(const Config& c, const BlocksShape& s) {
  if (s.shift == Shift::none || !c.record.activations) return std::nullopt;
  return Conflict{
      "record.activations: the sequences on which they are recorded have no place, and "
      "with blocks.shift = \"random\" they would need one",
      {"record.activations", "blocks.shift"}};
}

Result without_mlp(const Config& c, const BlocksShape& s) {
  struct Row {
    std::string_view key;
    bool set;
  };
  for (const Row& row : {Row{"blocks.d_mlp", c.blocks.d_mlp.has_value()},
                         Row{"blocks.mlp_layers", c.blocks.mlp_layers.has_value()},
                         Row{"blocks.act_fn", c.blocks.act_fn.has_value()},
                         Row{"blocks.residual", c.blocks.residual.has_value()}}) {
    if (s.mlp != MlpIn::none || !row.set) continue;
    return Conflict{fmt::format("{} is about the MLPs of the layers, and blocks.mlp = \"none\" "
                                "leaves them out",
                                row.key),
                    {row.key, "blocks.mlp"}};
  }
  return std::nullopt;
}

Result in_readout(const Config& c, const BlocksShape& s) {
  if (s.readout == ReadoutKind::mlp) return std::nullopt;
  if (c.model.hidden != Model{}.hidden) {
    return Conflict{fmt::format("model.hidden = {} is about the MLP of the readout, and "
                                "blocks.readout = \"linear\" has none",
                                c.model.hidden),
                    {"model.hidden", "blocks.readout"}};
  }
  if (!c.record.activations) return std::nullopt;
  for (const std::string& name : **c.record.activations) {
    if (name != "hidden_1" && name != "hidden_2") continue;
    return Conflict{fmt::format("record.activations: \"{}\" is a hidden layer of the readout, and "
                                "blocks.readout = \"linear\" has none",
                                name),
                    {"record.activations", "blocks.readout"}};
  }
  return std::nullopt;
}

Result in_linear_attention(const Config& c, const BlocksShape& s) {
  if (s.attention == AttentionKind::softmax || !c.probe.record) return std::nullopt;
  for (const std::string& name : **c.probe.record) {
    if (name != "effective" && name != "attention") continue;
    return Conflict{fmt::format("probe.record: \"{}\" takes the weights of attention for shares, "
                                "which those of blocks.attention = \"linear\" are not",
                                name),
                    {"probe.record", "blocks.attention"}};
  }
  return std::nullopt;
}

Result in_label_count(const Config& c, const BlocksShape& /*s*/) {
  if (!c.data.label_count) {
    if (!c.data.label_vectors) return std::nullopt;
    return Conflict{fmt::format("data.label_vectors = \"{}\" is about data.label_count labels, and "
                                "it is not set",
                                word(*c.data.label_vectors)),
                    {"data.label_vectors", "data.label_count"}};
  }
  const std::int64_t count = *c.data.label_count;
  if (c.data.label_code != Data{}.label_code) {
    return Conflict{fmt::format("data.label_code = \"{}\" is a code of two labels: "
                                "data.label_count = {} labels are coded by data.label_vectors",
                                word(c.data.label_code), count),
                    {"data.label_code", "data.label_count", "data.label_vectors"}};
  }
  if (c.data.labels != LabelRule::independent) {
    return Conflict{fmt::format("data.labels = \"{}\" is a rule for two labels: with "
                                "data.label_count = {} it must be \"independent\"",
                                word(c.data.labels), count),
                    {"data.labels", "data.label_count"}};
  }
  if (!c.data.K.is_infinite() && count > c.data.K.count()) {
    return Conflict{fmt::format("data.label_count = {} must be at most data.K = {}, so that each "
                                "label has an item",
                                count, c.data.K.count()),
                    {"data.label_count", "data.K"}};
  }
  if (!c.probe.record) return std::nullopt;
  for (const ProbeRow& row : probe_rows()) {
    if (!reads_two_labels(row.probe)) continue;
    if (std::ranges::find(**c.probe.record, row.name) == (*c.probe.record)->end()) continue;
    return Conflict{
        fmt::format("probe.record: \"{}\" reads the answers to copies that carry -1 and "
                    "+1, and data.label_count = {} labels are others",
                    row.name, count),
        {"probe.record", "data.label_count"}};
  }
  return std::nullopt;
}

/// Asked at every position: what is asked for must not stand there already, and what is about the
/// target alone has no meaning.
Result in_loss_at(const Config& c, const BlocksShape& s) {
  if (loss_at(c) == LossAt::query) return std::nullopt;
  if (row_of(task_of(c)).items && s.layout == Layout::concatenated) {
    return Conflict{fmt::format("train.loss_at = \"every\" asks for what is beside each item, and "
                                "with data.layout = \"{}\" the item's own token holds it: "
                                "data.layout must be \"{}\"",
                                word(s.layout), word(Layout::interleaved)),
                    {"train.loss_at", "data.layout"}};
  }
  if (!c.intervene.clamp) return std::nullopt;
  for (const Clamping& one : **c.intervene.clamp) {
    if (one.to != Clamp::copy) continue;
    return Conflict{fmt::format("intervene.clamp: \"{}\" attends from the target alone, and "
                                "train.loss_at = \"every\" asks the other items too",
                                name_of(one)),
                    {"intervene.clamp", "train.loss_at"}};
  }
  return std::nullopt;
}

/// Heads that are named must be there.
Result in_head_clamps(const Config& c, const BlocksShape& s) {
  if (!c.intervene.clamp) return std::nullopt;
  for (const Clamping& one : **c.intervene.clamp) {
    if (!one.layer && one.to == Clamp::previous) {
      return Conflict{
          "intervene.clamp: \"previous\" is of a head, which must be named: as in "
          "\"previous/0.1\", head 1 of layer 0",
          {"intervene.clamp"}};
    }
    if (one.layer && *one.layer >= s.n_layers) {
      return Conflict{
          fmt::format("intervene.clamp: \"{}\" names layer {}, and blocks.n_layers = {} "
                      "has the layers 0 to {}",
                      name_of(one), *one.layer, s.n_layers, s.n_layers - 1),
          {"intervene.clamp", "blocks.n_layers"}};
    }
    if (one.head && *one.head >= s.n_heads) {
      return Conflict{
          fmt::format("intervene.clamp: \"{}\" names head {}, and blocks.n_heads = {} has "
                      "the heads 0 to {} in each layer",
                      name_of(one), *one.head, s.n_heads, s.n_heads - 1),
          {"intervene.clamp", "blocks.n_heads"}};
    }
  }
  return std::nullopt;
}

/// Only heads of a system that has them can be named.
Result in_clamps_without_heads(const Config& c) {
  if (!c.intervene.clamp) return std::nullopt;
  for (const Clamping& one : **c.intervene.clamp) {
    if (!one.layer && one.to != Clamp::previous) continue;
    return Conflict{
        fmt::format("intervene.clamp: \"{}\" is of heads, and model.system = \"{}\" has "
                    "none that could be named: \"blocks\" has",
                    name_of(one), word(c.model.system)),
        {"intervene.clamp", "model.system"}};
  }
  return std::nullopt;
}

}  // namespace

Result in_blocks(const Config& c) {
  if (!row_of(c.model.system).has.blocks) return in_clamps_without_heads(c);
  const BlocksShape s = blocks_shape(c);
  for (const auto check : {in_widths, in_positions, without_mlp, in_readout, in_linear_attention,
                           in_label_count, in_head_clamps, in_recorded_activations, in_loss_at}) {
    if (auto conflict = check(c, s)) return conflict;
  }
  return std::nullopt;
}

}  // namespace icl::config
