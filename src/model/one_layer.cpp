#include "icl/model/one_layer.hpp"

#include <algorithm>

namespace icl::model {

struct OneLayer::State final : Activations {
  State(std::int64_t batch, std::int64_t length, const nn::TokenNorm& norm, std::int64_t hidden)
      : Activations(batch),
        attention(batch, length, norm),
        h({batch, norm.width()}),
        dh({batch, norm.width()}),
        mlp(batch, hidden) {}

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {{"target token", &attention.t},
            {"query", &attention.q},
            {"attention", &attention.attention},
            {"attended token", &attention.c},
            {"mlp input", &h},
            {"mlp hidden 1", &mlp.h1},
            {"mlp hidden 2", &mlp.h2},
            {"logits", &logits}};
  }

  nn::TargetAttention::Activations attention;
  Tensor h, dh;  ///< [B, X] what the MLP reads, and its gradient
  nn::Mlp::Activations mlp;
};

OneLayer::OneLayer(const config::Config& config)
    : hidden_(config.model.hidden),
      norm_("to_embedding.0", config.data.D),
      attention_("qkv", norm_.width()),
      mlp_("mlp", norm_.width(), hidden_, "token") {}

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
  const auto hidden = static_cast<double>(hidden_);
  const double weights = static_cast<double>(norm_.width()) * hidden + hidden * hidden + hidden;
  constexpr double products = 3;  // forward, gradient of the input, gradient of the weight
  return 2 * products * static_cast<double>(batch) * weights;
}

std::unique_ptr<Activations> OneLayer::make_activations(std::int64_t batch,
                                                        std::int64_t length) const {
  return std::make_unique<State>(batch, length, norm_, hidden_);
}

void OneLayer::forward(const Batch& batch, Activations& activations, const Workers& workers) const {
  auto& s = static_cast<State&>(activations);
  attention_.forward(batch, norm_, s.attention, s.h.data(), workers);
  mlp_.forward(batch.size, s.h.data(), s.mlp, s.logits.data(), workers);
}

void OneLayer::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  auto& s = static_cast<State&>(activations);
  mlp_.backward(batch.size, s.h.data(), s.mlp, s.dlogits.data(), s.dh.data(), workers);
  attention_.backward(batch, norm_, s.attention, s.dh.data(), workers);
}

}  // namespace icl::model
