#include "icl/model/one_layer.hpp"

#include <algorithm>

#include "icl/model/system.hpp"

namespace icl::model {

struct OneLayer::State final : Activations {
  State(std::int64_t batch, std::int64_t length, const nn::TokenNorm& norm, std::int64_t hidden,
        Storage storage)
      : Activations(batch, storage),
        target_attention(batch, length, norm, storage),
        h({batch, norm.width()}, storage),
        dh({batch, norm.width()}, storage),
        mlp(batch, hidden, storage) {}

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {{"target token", &target_attention.t},
            {"query", &target_attention.q},
            {"attention", &target_attention.attention},
            {"attended token", &target_attention.c},
            {"mlp input", &h},
            {"mlp hidden 1", &mlp.h1},
            {"mlp hidden 2", &mlp.h2},
            {"logits", &logits}};
  }
  [[nodiscard]] const Tensor* attention() const override { return &target_attention.attention; }
  void hold_relus() override { mlp.hold(); }

  nn::TargetAttention::Activations target_attention;
  Tensor h, dh;  ///< [B, X] what the MLP reads, and its gradient
  nn::Mlp::Activations mlp;
};

OneLayer::OneLayer(const config::Config& config, Storage storage)
    : dimension_(config.data.D),
      hidden_(config.model.hidden),
      norm_("to_embedding.0", config.data.D, config.data.label_code, storage),
      attention_("qkv", norm_.width(), storage),
      mlp_("mlp", norm_.width(), hidden_, "token", storage) {}

std::vector<nn::Parameter*> OneLayer::parameters() {
  std::vector<nn::Parameter*> all{&norm_.gain, &norm_.bias, &attention_.qkv};
  for (nn::Parameter* parameter : mlp_.parameters()) all.push_back(parameter);
  return all;
}

void OneLayer::initialise(std::int64_t seed) {
  std::ranges::fill(norm_.gain.value.values(), Real{1});
  std::ranges::fill(norm_.bias.value.values(), Real{0});
  attention_.initialise(seed, 2);
  mlp_.initialise(seed, 3);
}

double OneLayer::mlp_flops(std::int64_t batch) const {
  return mlp_step_flops(batch, {norm_.width(), hidden_, hidden_, 1});
}

double OneLayer::identity_alignment() const {
  return nn::identity_alignment(attention_.qkv.value, norm_.gain.value, dimension_);
}

std::unique_ptr<Activations> OneLayer::new_activations(std::int64_t batch, std::int64_t length,
                                                       Storage storage) const {
  return std::make_unique<State>(batch, length, norm_, hidden_, storage);
}

void OneLayer::forward(const Batch& batch, Activations& activations, const Workers& workers) const {
  auto& s = own<State>(batch, activations);
  attention_.forward(batch, norm_, s.target_attention, s.h, s.attending, workers);
  mlp_.forward(batch.size, s.h, s.mlp, s.logits, workers);
}

void OneLayer::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  auto& s = own<State>(batch, activations);
  mlp_.backward(batch.size, s.h, s.mlp, s.dlogits, s.dh, workers);
  attention_.backward(batch, norm_, s.target_attention, s.dh, s.attending, workers);
}

const SystemDefinition systems::one_layer{
    .make = make<OneLayer>,
    .title = "S1, the one-layer transformer",
    .source = second_version,
    .input = labelled_token,
    .forward =
        "t_j = LayerNorm(token j): ((token - mean) / sqrt(biased variance + 1e-5)) * g + b; "
        "q = W_q t_N; k_j = W_k t_j; v_j = W_v t_j; a_j = softmax over all N tokens, the target "
        "among them, of q . k_j: no division by sqrt(X), no mask, no position code, one head, no "
        "bias; h = t_N + sum_j a_j v_j; z = W3 relu(W2 relu(W1 h + b1) + b2) + b3: no residual "
        "around the MLP"};

}  // namespace icl::model
