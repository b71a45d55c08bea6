#include "icl/model/scalar_beta.hpp"

#include <algorithm>
#include <cmath>

#include "icl/model/system.hpp"
#include "icl/model/target_items.hpp"

namespace icl::model {

struct ScalarBeta::State final : Activations {
  State(std::int64_t batch, std::int64_t length, const nn::ScalarAttention& attention,
        std::int64_t hidden, Storage storage)
      : Activations(batch, storage),
        scalar_attention(batch, length, attention.width(), attention.row_width(), storage),
        h({batch, attention.width()}, storage),
        dh({batch, attention.width()}, storage),
        mlp(batch, hidden, storage) {}

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {{"attention", &scalar_attention.attention},
            {"attended token", &scalar_attention.c},
            {"mlp input", &h},
            {"mlp hidden 1", &mlp.h1},
            {"mlp hidden 2", &mlp.h2},
            {"logits", &logits}};
  }
  [[nodiscard]] const Tensor* attention() const override { return &scalar_attention.attention; }
  void hold_relus() override { mlp.hold(); }

  nn::ScalarAttention::Activations scalar_attention;
  Tensor h, dh;  ///< [B, X] what the MLP reads, and its gradient
  nn::Mlp::Activations mlp;
};

ScalarBeta::ScalarBeta(const config::Config& config, Storage storage)
    : hidden_(config.model.hidden),
      beta0_(config.model.beta0),
      attention_(config.data.D, config.data.label_code, storage),
      mlp_("mlp", attention_.width(), hidden_, "token", storage) {}

void ScalarBeta::encode(std::span<const float> item, int label, Real* row) const {
  encode_plain(item, label, token_width(), row);
}

std::vector<nn::Parameter*> ScalarBeta::parameters() {
  std::vector<nn::Parameter*> all{&attention_.beta, &attention_.value};
  for (nn::Parameter* parameter : mlp_.parameters()) all.push_back(parameter);
  return all;
}

void ScalarBeta::initialise(std::int64_t seed) {
  attention_.beta.value[0] = initial_beta(beta0_, seed);
  // The last third of S1's [W_q; W_k; W_v].
  const std::int64_t x = attention_.width();
  nn::Parameter qkv{"qkv.weight", {"qkv", "token"}, nn::Group::attention, Tensor({3 * x, x}), {}};
  nn::initialise_uniform(qkv, 1 / std::sqrt(static_cast<double>(x)), seed, 2);
  std::copy_n(qkv.value.row(2 * x), x * x, attention_.value.value.data());
  mlp_.initialise(seed, 3);
}

double ScalarBeta::mlp_flops(std::int64_t batch) const {
  return mlp_step_flops(batch, {attention_.width(), hidden_, hidden_, 1});
}

std::unique_ptr<Activations> ScalarBeta::new_activations(std::int64_t batch, std::int64_t length,
                                                         Storage storage) const {
  return std::make_unique<State>(batch, length, attention_, hidden_, storage);
}

void ScalarBeta::forward(const Batch& batch, Activations& activations,
                         const Workers& workers) const {
  auto& s = own<State>(batch, activations);
  attention_.forward(batch, s.scalar_attention, s.h, s.attending, workers);
  mlp_.forward(batch.size, s.h, s.mlp, s.logits, workers);
}

void ScalarBeta::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  auto& s = own<State>(batch, activations);
  mlp_.backward(batch.size, s.h, s.mlp, s.dlogits, s.dh, workers);
  attention_.backward(batch, s.scalar_attention, s.dh, s.attending, workers);
}

const SystemDefinition systems::scalar_beta{
    .make = make<ScalarBeta>,
    .title = "the system between S1 and S3: one number beta in place of W_q and W_k",
    .source = "Nguyen & Reddy 2024, arXiv:2412.00104v1",
    .input = labelled_token,
    .forward =
        "t_j = token j, without layer norm; a_j = softmax over all N tokens, the target among "
        "them, of beta x_N . x_j; h = t_N + W_v sum_j a_j t_j; z = W3 relu(W2 relu(W1 h + b1) + "
        "b2) + b3"};

}  // namespace icl::model
