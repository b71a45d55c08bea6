#include "icl/config/blocks.hpp"

#include "icl/config/config.hpp"

namespace icl::config {
namespace {

bool has_label_vectors(const Config& config) {
  return config.data.label_count && config.data.label_vectors == LabelVectors::gaussian;
}

}  // namespace

BlocksShape blocks_shape(const Config& config) {
  const Blocks& keys = config.blocks;
  BlocksShape s{};
  s.layout = config.data.layout.value_or(Layout::concatenated);
  s.tokens = s.layout == Layout::interleaved ? 2 * config.data.N - 1 : config.data.N;
  s.label = row_of(task_of(config)).label_entries(config);
  s.label_count = config.data.label_count.value_or(2);
  s.label_vectors = has_label_vectors(config);
  s.token =
      s.label_vectors && s.layout == Layout::interleaved ? config.data.D : config.data.D + s.label;
  s.positions = keys.positions.value_or(Positions::none);
  s.n_ctx = keys.n_ctx.value_or(s.tokens);
  s.d_input = s.token + (s.positions == Positions::onehot ? s.n_ctx : 0);
  s.n_layers = keys.n_layers.value_or(2);
  s.n_heads = keys.n_heads.value_or(1);
  s.d_model = keys.d_model.value_or(s.d_input);
  s.d_head = keys.d_head.value_or(s.d_model / s.n_heads);
  s.d_mlp = keys.d_mlp.value_or(4 * s.d_model);
  s.mlp_layers = keys.mlp_layers.value_or(2);
  s.read_in = keys.read_in.value_or(ReadIn::none);
  s.norm = keys.norm.value_or(Norm::pre);
  s.attention = keys.attention.value_or(AttentionKind::softmax);
  s.attn_scale = keys.attn_scale.value_or(AttentionScale::d_head);
  s.output = keys.output.value_or(HeadOutput::linear);
  s.mlp = keys.mlp.value_or(MlpIn::none);
  s.act_fn = keys.act_fn.value_or(ActFn::relu);
  s.shift = keys.shift.value_or(Shift::none);
  s.residual = keys.residual.value_or(Residual::both);
  s.readout = keys.readout.value_or(ReadoutKind::mlp);
  s.merges_queries_and_keys = s.n_heads == 1 && s.d_head >= s.d_model &&
                              s.positions != Positions::rotary &&
                              config.train.batch_size * s.tokens >= 2 * s.d_model;
  return s;
}

std::int64_t starts(const Config& config) {
  const BlocksShape s = blocks_shape(config);
  return s.shift == Shift::random ? s.n_ctx - s.tokens + 1 : 1;
}

}  // namespace icl::config
