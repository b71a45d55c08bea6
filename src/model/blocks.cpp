#include "icl/model/blocks.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "blocks_state.hpp"
#include "icl/config/loss.hpp"
#include "icl/core/error.hpp"
#include "icl/core/simd.hpp"
#include "icl/model/system.hpp"
#include "icl/model/target_items.hpp"
#include "icl/nn/elementwise.hpp"

namespace icl::model {
namespace {

using config::Positions;

nn::Block::Shape block_shape(const config::BlocksShape& s, std::int64_t l) {
  nn::Block::Shape block{
      .attention = {.width = s.d_model,
                    .tokens = s.tokens,
                    .heads = s.n_heads,
                    .head = s.d_head,
                    .kind = s.attention,
                    .scale = s.attn_scale == config::AttentionScale::none
                                 ? 1.0
                                 : 1 / std::sqrt(static_cast<double>(s.d_head)),
                    .output = s.output == config::HeadOutput::linear,
                    .rotary = s.positions == Positions::rotary,
                    .kernel = s.merges_queries_and_keys ? nn::HeadsAttention::Kernel::merged
                                                        : nn::HeadsAttention::Kernel::by_shape},
      .norms = s.norm == config::Norm::pre,
      .mlp = std::nullopt,
      .mlp_residual = s.residual == config::Residual::both};
  if (s.has_mlp(l)) {
    block.mlp = {.in = s.d_model,
                 .hidden = s.d_mlp,
                 .out = s.d_model,
                 .layers = s.mlp_layers,
                 .f = s.act_fn};
  }
  return block;
}

nn::TokenMlp::Shape readout_shape(const config::BlocksShape& s, std::int64_t hidden,
                                  std::int64_t outputs) {
  return {.in = s.d_model,
          .hidden = hidden,
          .out = outputs,
          .layers = s.readout == config::ReadoutKind::mlp ? 3 : 1};
}

constexpr std::string_view interleaved_token =
    "token j = (x_j, label code), X numbers: x_j the item's D numbers, then with data.label_code = "
    "onehot (1, 0) for the label -1 and (0, 1) for +1, with scalar the label itself, and zeros for "
    "the target, the last; with data.layout = interleaved two tokens in its place, (x_j, zeros) "
    "and "
    "(zeros, label code), and (x_N, zeros) for the target: N tokens, or 2N - 1";

}  // namespace

BlocksModel::BlocksModel(const config::Config& config, Storage storage)
    : shape_(config::blocks_shape(config)),
      layout_(config, shape_),
      dimension_(config.data.D),
      asked_(config::loss_at(config) == config::LossAt::every ? nn::Queries::all
                                                              : nn::Queries::last),
      embedding_(shape_, layout_, storage),
      readout_shape_(readout_shape(shape_, config.model.hidden, config::asked_of(config).outputs)),
      readout_("mlp", readout_shape_, {"d_model", "output"}, storage) {
  const auto& s = shape_;
  if (s.norm == config::Norm::pre) {
    final_norm_.emplace("ln_final", s.d_model, "d_model", storage);
  }
  blocks_.reserve(static_cast<std::size_t>(s.n_layers));
  for (std::int64_t l = 0; l < s.n_layers; ++l) {
    blocks_.emplace_back("blocks." + std::to_string(l), block_shape(s, l), storage);
  }
}

std::int64_t BlocksModel::token_width() const { return simd::padded(dimension_ + 1); }

void BlocksModel::encode(std::span<const float> item, int label, Real* row) const {
  encode_plain(item, label, token_width(), row);
}

std::vector<nn::Parameter*> BlocksModel::parameters() {
  std::vector<nn::Parameter*> all = embedding_.parameters();
  const auto append = [&all](const std::vector<nn::Parameter*>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  for (nn::Block& block : blocks_) append(block.parameters());
  if (final_norm_) append(final_norm_->parameters());
  append(readout_.parameters());
  return all;
}

void BlocksModel::initialise(std::int64_t seed) {
  std::uint32_t ordinal = embedding_.initialise(seed, 1);
  if (final_norm_) final_norm_->initialise();
  readout_.initialise(seed, ordinal);
  constexpr std::uint32_t of_readout = 6;
  ordinal += of_readout;
  for (nn::Block& block : blocks_) ordinal = block.initialise(seed, ordinal);
}

double BlocksModel::mlp_flops(std::int64_t batch) const {
  const auto& s = shape_;
  const std::int64_t inner = s.n_heads * s.d_head;
  double flops = embedding_.flops(batch);
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const nn::Block& block = blocks_[l];
    const nn::Queries attend = queries(l, asked_);
    const std::int64_t outputs = batch * block.shape().attention.count(attend);
    const double one = mlp_step_flops(outputs, {s.d_model, inner});
    if (block.shape().attention.merges(attend)) {
      // W_v and M = W_q^T W_k of each token; M itself, and from its gradient those of W_q and W_k
      flops += one + mlp_step_flops(outputs, {s.d_model, s.d_model}) +
               mlp_step_flops(s.d_model, {s.d_model, inner});
    } else if (block.shape().attention.gathers(attend)) {
      flops += 3 * one;
    } else {
      flops += one + mlp_step_flops(batch * s.tokens, {s.d_model, 2 * inner});
    }
    if (block.shape().attention.output) flops += mlp_step_flops(outputs, {inner, s.d_model});
    if (!block.shape().mlp) continue;
    flops += s.mlp_layers == 2 ? mlp_step_flops(outputs, {s.d_model, s.d_mlp, s.d_model})
                               : mlp_step_flops(outputs, {s.d_model, s.d_mlp, s.d_mlp, s.d_model});
  }
  const std::int64_t hidden = readout_shape_.hidden;
  const std::int64_t rows = batch * answers(asked_);
  return flops + (readout_shape_.layers == 1
                      ? mlp_step_flops(rows, {s.d_model, readout_shape_.out})
                      : mlp_step_flops(rows, {s.d_model, hidden, hidden, readout_shape_.out}));
}

std::unique_ptr<Activations> BlocksModel::new_activations(std::int64_t batch,
                                                          std::int64_t /*length*/,
                                                          Storage storage) const {
  return std::make_unique<State>(batch, *this, nn::Queries::last, storage);
}

std::unique_ptr<Activations> BlocksModel::new_training_activations(std::int64_t batch,
                                                                   std::int64_t /*length*/,
                                                                   Storage storage) const {
  return std::make_unique<State>(batch, *this, asked_, storage);
}

/// Sets what each head attends to, and the weights of those that attend to copies.
void BlocksModel::look_at(const Batch& batch, State& s) const {
  for (auto& heads : s.looks) std::ranges::fill(heads, nn::Attending::learned);
  std::ranges::fill(s.looks.back(), s.attending);
  for (const nn::HeadClamp& clamp : s.clamped_heads) {
    auto& heads = s.looks[static_cast<std::size_t>(clamp.layer)];
    if (clamp.head == nn::HeadClamp::all) {
      std::ranges::fill(heads, clamp.to);
    } else {
      heads[static_cast<std::size_t>(clamp.head)] = clamp.to;
    }
  }
  const bool copies = std::ranges::any_of(s.looks, [](const auto& heads) {
    return std::ranges::find(heads, nn::Attending::copy) != heads.end();
  });
  for (std::int64_t b = 0; copies && b < batch.size; ++b) {
    layout_.copy_weights(batch, b, s.copies.row(b));
  }
}

/// The weights of the target, as a mean over heads.
void BlocksModel::mean_attention(std::int64_t batch, State& s) const {
  const Tensor& a = s.blocks.back().attention.attention;  // [B, H, Tq, T]
  const std::int64_t queries = a.extent(2);
  const std::int64_t n = layout_.items();
  const Real share = Real{1} / static_cast<Real>(shape_.n_heads);
  for (std::int64_t b = 0; b < batch; ++b) {
    Real* mean = s.target_attention.row(b);
    std::fill_n(mean, n, Real{0});
    for (std::int64_t h = 0; h < shape_.n_heads; ++h) {
      layout_.add_by_item(a.row(b) + ((h + 1) * queries - 1) * tokens(), mean);
    }
    for (std::int64_t j = 0; j < n; ++j) mean[j] *= share;
  }
}

/// From all tokens behind the layers, the items: every one is asked, and between them stand labels.
void BlocksModel::gather_items(std::int64_t batch, State& s) const {
  for (std::int64_t i = 0; i < batch * layout_.items(); ++i) {
    std::copy_n(s.all.row(layout_.token_of(i)), shape_.d_model, s.last.row(i));
  }
}

/// The other way, of gradients.
void BlocksModel::scatter_items(std::int64_t batch, State& s) const {
  std::fill_n(s.dall.data(), batch * tokens() * shape_.d_model, Real{0});
  for (std::int64_t i = 0; i < batch * layout_.items(); ++i) {
    std::copy_n(s.dlast.row(i), shape_.d_model, s.dall.row(layout_.token_of(i)));
  }
}

/// The activations, which hold the sequences of N items that the layout makes tokens of.
BlocksModel::State& BlocksModel::state_for(const Batch& batch, Activations& activations) const {
  if (batch.length != layout_.items()) {
    throw Error(ExitCode::internal, "sequences of " + std::to_string(batch.length) +
                                        " items do not fit a model of " +
                                        std::to_string(layout_.items()));
  }
  return own<State>(batch, activations);
}

void BlocksModel::forward(const Batch& batch, Activations& activations,
                          const Workers& workers) const {
  State& s = state_for(batch, activations);
  embedding_.forward(batch, s.embedding, s.r.front(), workers);
  look_at(batch, s);
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const bool last = l + 1 == blocks_.size();
    Tensor& behind = s.all.empty() ? s.last : s.all;
    blocks_[l].forward(batch.size, s.r[l], s.given(l), s.blocks[l], last ? behind : s.r[l + 1],
                       workers);
  }
  mean_attention(batch.size, s);
  if (!s.all.empty()) gather_items(batch.size, s);
  const std::int64_t rows = batch.size * s.asked;
  if (final_norm_) final_norm_->forward(rows, s.last, *s.final_norm, s.h, workers);
  readout_.forward(rows, final_norm_ ? s.h : s.last, s.readout, s.logits, workers);
}

void BlocksModel::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  State& s = state_for(batch, activations);
  const std::int64_t rows = batch.size * s.asked;
  readout_.backward(rows, final_norm_ ? s.h : s.last, s.readout, s.dlogits,
                    final_norm_ ? s.dh : s.dlast, workers);
  if (final_norm_) {
    std::fill_n(s.dlast.data(), rows * shape_.d_model, Real{0});
    final_norm_->backward(rows, *s.final_norm, s.dh, s.dlast, workers);
  }
  if (!s.all.empty()) scatter_items(batch.size, s);
  ConstMatrixView dy = s.all.empty() ? s.dlast : s.dall;
  for (std::size_t l = blocks_.size(); l-- > 0;) {
    blocks_[l].backward(batch.size, s.r[l], s.given(l), s.blocks[l], dy, s.dr_below, workers);
    std::swap(s.dr, s.dr_below);
    dy = s.dr;
  }
  embedding_.backward(batch, s.embedding, s.dr, workers);
}

const SystemDefinition systems::blocks{
    .make = make<BlocksModel>,
    .title = "the transformer that [blocks] describes",
    .source = "names of keys as in TransformerLens",
    .input = interleaved_token,
    .forward =
        "e_j = token j, or its layer norm with norm = input, behind n_ctx entries of which entry j "
        "is 1 with positions = onehot; r_j = e_j, or embed.read_in e_j; r_j += row j of "
        "embed.positions with positions = learned, or with sinusoidal in entries 2i and 2i+1 the "
        "sine and cosine of (j-1) 10000^(-2i/d_model); in each layer r_i += the heads' results, or "
        "output times them: z_i = sum over j <= i of a_ij v_j, a_ij = the softmax over j <= i of "
        "s_ij, or s_ij/i with attention = linear, s_ij = q_i . k_j, over sqrt(d_head) with "
        "attn_scale = d_head, with q, k, v = the rows W_q, W_k, W_v of qkv, d_head of each head, "
        "times r, or times its layer norm ln1 with norm = pre; with positions = rotary entries i "
        "and i + d_head/2 of q and k are turned by the angle (j-1) 10000^(-2i/d_head); then in "
        "layers with an MLP r = r + mlp(r), or mlp(r) with residual = attention, of ln2(r) with "
        "norm = pre; in the last layer only the target; z = mlp(r_N), or of ln_final(r_N) with "
        "norm = pre"};

}  // namespace icl::model
