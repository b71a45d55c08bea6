#include "icl/model/multi_layer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

#include "icl/model/system.hpp"
#include "icl/nn/target_attention.hpp"
#include "icl/nn/tokens.hpp"

namespace icl::model {

struct MultiLayer::State final : Activations {
  State(std::int64_t batch, std::int64_t length, const MultiLayer& model, Storage storage);

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {named.begin(), named.end()};
  }
  [[nodiscard]] const Tensor* attention() const override { return &layers.back().attention; }
  void hold_relus() override {
    for (auto& between : token_mlp) between.hold();
    mlp.hold();
  }

  void name_tensors();

  Tensor n;               ///< [B N, X] tokens before gain and bias
  std::vector<Tensor> x;  ///< [B N, X] what each layer reads
  std::vector<nn::CausalAttention::Activations> layers;
  std::vector<Tensor> h;  ///< [B N, X] what each MLP reads; the output MLP [B, X]
  std::vector<nn::TokenMlp::Activations> token_mlp;
  nn::Mlp::Activations mlp;
  Tensor dx, dh;        ///< gradients of the x and h in hand
  Tensor dgain, dbias;  ///< [B, X] each sequence's share
  std::vector<std::pair<std::string, const Tensor*>> named;
};

MultiLayer::State::State(std::int64_t batch, std::int64_t length, const MultiLayer& model,
                         Storage storage)
    : Activations(batch, storage),
      n({batch * length, model.norm_.width()}, storage),
      mlp(batch, model.hidden_, storage),
      dx({batch * length, model.norm_.width()}, storage),
      dgain({batch, model.norm_.width()}, storage),
      dbias({batch, model.norm_.width()}, storage) {
  const std::int64_t rows = batch * length;
  const std::int64_t width = model.norm_.width();
  for (const nn::CausalAttention& attention : model.attention_) {
    x.push_back(Tensor({rows, width}, storage));
    layers.emplace_back(batch, length, attention, storage);
  }
  for (std::size_t l = 0; l < model.token_mlp_.size(); ++l) {
    h.push_back(Tensor({rows, width}, storage));
    token_mlp.emplace_back(
        rows, nn::TokenMlp::Shape{.in = width, .hidden = model.hidden_, .out = width}, storage);
  }
  h.push_back(Tensor({batch, width}, storage));
  dh = Tensor(h.front().shape(), storage);
  name_tensors();
}

void MultiLayer::State::name_tensors() {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto name = [&](const std::string& what, const Tensor& tensor) {
      named.emplace_back("layer " + std::to_string(l) + ' ' + what, &tensor);
    };
    name("tokens", x[l]);
    name("query", layers[l].q);
    name("attention", layers[l].attention);
    name("attended token", layers[l].c);
    if (l == token_mlp.size()) continue;
    name("mlp input", h[l]);
    name("mlp hidden 1", token_mlp[l].h1);
    name("mlp hidden 2", token_mlp[l].h2);
  }
  named.emplace_back("mlp input", &h.back());
  named.emplace_back("mlp hidden 1", &mlp.h1);
  named.emplace_back("mlp hidden 2", &mlp.h2);
  named.emplace_back("logits", &logits);
}

MultiLayer::MultiLayer(const config::Config& config, Storage storage)
    : dimension_(config.data.D),
      length_(config.data.N),
      hidden_(config.model.hidden),
      norm_("to_embedding.0", config.data.D, config.data.label_code, storage),
      mlp_("mlp", norm_.width(), hidden_, "token", storage) {
  assert(config.model.layers >= 1);
  for (std::int64_t l = 0; l < config.model.layers; ++l) {
    const std::string layer = "layers." + std::to_string(l);
    const bool last = l + 1 == config.model.layers;
    attention_.emplace_back(layer + ".qkv", norm_.width(),
                            last ? nn::Queries::last : nn::Queries::all, storage);
    if (last) continue;
    const nn::TokenMlp::Shape shape{.in = norm_.width(), .hidden = hidden_, .out = norm_.width()};
    token_mlp_.emplace_back(layer + ".mlp", shape, nn::TokenMlp::Axes{"token", "token"}, storage);
  }
  for (nn::Parameter* p : mlp_.parameters()) p->frozen = config.compat.frozen_readout;
}

std::vector<nn::Parameter*> MultiLayer::parameters() {
  std::vector<nn::Parameter*> all{&norm_.gain, &norm_.bias};
  const auto append = [&all](const std::vector<nn::Parameter*>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  for (std::size_t l = 0; l < attention_.size(); ++l) {
    all.push_back(&attention_[l].qkv);
    if (l < token_mlp_.size()) append(token_mlp_[l].parameters());
  }
  append(mlp_.parameters());
  return all;
}

void MultiLayer::initialise(std::int64_t seed) {
  constexpr std::uint32_t mlp_ordinals = 6;
  std::ranges::fill(norm_.gain.value.values(), Real{1});
  std::ranges::fill(norm_.bias.value.values(), Real{0});
  std::uint32_t ordinal = 2;
  for (std::size_t l = 0; l < attention_.size(); ++l) {
    attention_[l].initialise(seed, ordinal++);
    if (l == token_mlp_.size()) continue;
    token_mlp_[l].initialise(seed, ordinal);
    ordinal += mlp_ordinals;
  }
  mlp_.initialise(seed, ordinal);
}

double MultiLayer::mlp_flops(std::int64_t batch) const {
  const std::int64_t x = norm_.width();
  return static_cast<double>(token_mlp_.size()) *
             mlp_step_flops(batch * length_, {x, hidden_, hidden_, x}) +
         mlp_step_flops(batch, {x, hidden_, hidden_, 1});
}

/// With the gain in it although no norm stands before a later layer: the number that runs have
/// recorded (experiments/systems.md says how far it is from that without).
double MultiLayer::identity_alignment() const {
  return nn::identity_alignment(attention_.back().qkv.value, norm_.gain.value, dimension_);
}

std::unique_ptr<Activations> MultiLayer::new_activations(std::int64_t batch, std::int64_t length,
                                                         Storage storage) const {
  return std::make_unique<State>(batch, length, *this, storage);
}

void MultiLayer::forward(const Batch& batch, Activations& activations,
                         const Workers& workers) const {
  auto& s = own<State>(batch, activations);
  const std::int64_t rows = batch.size * batch.length;
  embed(batch, s, workers);
  for (std::size_t l = 0; l < token_mlp_.size(); ++l) {
    attention_[l].forward(batch, s.x[l], s.layers[l], s.h[l], nn::Attending::learned, workers);
    token_mlp_[l].forward(rows, s.h[l], s.token_mlp[l], s.x[l + 1], workers);
  }
  attention_.back().forward(batch, s.x.back(), s.layers.back(), s.h.back(), s.attending, workers);
  mlp_.forward(batch.size, s.h.back(), s.mlp, s.logits, workers);
}

void MultiLayer::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  auto& s = own<State>(batch, activations);
  const std::int64_t rows = batch.size * batch.length;
  mlp_.backward(batch.size, s.h.back(), s.mlp, s.dlogits, s.dh, workers);
  attention_.back().backward(batch, s.x.back(), s.layers.back(), s.dh, s.dx, s.attending, workers);
  for (std::size_t l = token_mlp_.size(); l-- > 0;) {
    token_mlp_[l].backward(rows, s.h[l], s.token_mlp[l], s.dx, s.dh, workers);
    attention_[l].backward(batch, s.x[l], s.layers[l], s.dh, s.dx, nn::Attending::learned, workers);
  }
  embed_backward(batch, s, workers);
}

/// x = g n + b for every token.
void MultiLayer::embed(const Batch& batch, State& s, const Workers& workers) const {
  const std::int64_t length = batch.length;
  workers.for_each(batch.size, [&](std::int64_t b) {
    const auto time = workers.measure(Phase::attention_forward);
    const nn::Tokens tokens(batch, b);
    for (std::int64_t j = 0; j < length; ++j) {
      const std::int64_t row = b * length + j;
      norm_.expand(j + 1 < length ? tokens.context(j) : tokens.target(), s.n.row(row));
      norm_.affine(s.n.row(row), s.x.front().row(row));
    }
  });
}

/// The gradients of gain and bias from dx.
void MultiLayer::embed_backward(const Batch& batch, State& s, const Workers& workers) {
  const std::int64_t length = batch.length;
  const std::int64_t width = norm_.width();
  workers.for_each(batch.size, [&](std::int64_t b) {
    const auto time = workers.measure(Phase::attention_backward);
    Real* dg = s.dgain.row(b);
    Real* db = s.dbias.row(b);
    std::fill_n(dg, width, Real{0});
    std::fill_n(db, width, Real{0});
    for (std::int64_t row = b * length; row < (b + 1) * length; ++row) {
      const Real* dx = s.dx.row(row);
      const Real* n = s.n.row(row);
      // x = g n + b:  dg = sum dx n,  db = sum dx, over all tokens
      for (std::int64_t i = 0; i < width; ++i) {
        dg[i] = std::fma(dx[i], n[i], dg[i]);
        db[i] += dx[i];
      }
    }
  });
  const auto time = workers.measure(Phase::attention_backward);
  norm_.gain.take_column_sums(s.dgain, batch.size);
  norm_.bias.take_column_sums(s.dbias, batch.size);
}

const SystemDefinition systems::multi_layer{
    .make = make<MultiLayer>,
    .title = "S2, the transformer of L layers",
    .source = second_version,
    .input = labelled_token,
    .forward =
        "t_j = LayerNorm(token j): ((token - mean) / sqrt(biased variance + 1e-5)) * g + b, once; "
        "then in each of the layers 0 to L-2, for every token i: y_i = t_i + sum_(j <= i) a_ij "
        "v_j, a_ij = softmax over j <= i of q_i . k_j, with q, k, v = W_q t, W_k t, W_v t (no "
        "division by sqrt(X), no position code, one head, no bias), and t_i = W3 relu(W2 relu(W1 "
        "y_i + b1) + b2) + b3, without residual; in layer L-1 only the target attends, over all N "
        "tokens: h = t_N + sum_j a_j v_j; z = W3 relu(W2 relu(W1 h + b1) + b2) + b3 with the "
        "output MLP"};

}  // namespace icl::model
