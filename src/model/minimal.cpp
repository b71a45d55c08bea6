#include "icl/model/minimal.hpp"

#include "icl/core/simd.hpp"
#include "icl/model/system.hpp"
#include "icl/model/target_items.hpp"

namespace icl::model {

struct Minimal::State final : Activations {
  State(std::int64_t batch, std::int64_t length, std::int64_t dimension, std::int64_t hidden,
        Storage storage)
      : Activations(batch, storage),
        x({batch, dimension}, storage),
        label_attention(batch, length, storage),
        mlp(batch, hidden, storage) {}

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {{"target item", &x},
            {"mlp hidden 1", &mlp.h1},
            {"mlp hidden 2", &mlp.h2},
            {"attention", &label_attention.attention},
            {"attended label", &label_attention.m},
            {"logits", &logits}};
  }
  [[nodiscard]] const Tensor* attention() const override { return &label_attention.attention; }
  void hold_relus() override { mlp.hold(); }

  Tensor x;  ///< [B, D] the targets
  nn::LabelAttention::Activations label_attention;
  nn::Mlp::Activations mlp;
};

Minimal::Minimal(const config::Config& config, Storage storage)
    : dimension_(config.data.D),
      hidden_(config.model.hidden),
      beta0_(config.model.beta0),
      w0_(config.model.w0),
      attention_(dimension_, config.model.attend_self ? nn::Self::included : nn::Self::excluded,
                 storage),
      mlp_("mlp", dimension_, hidden_, "dimension", storage) {}

std::int64_t Minimal::token_width() const { return simd::padded(dimension_ + 1); }

void Minimal::encode(std::span<const float> item, int label, Real* row) const {
  encode_plain(item, label, token_width(), row);
}

std::vector<nn::Parameter*> Minimal::parameters() {
  std::vector<nn::Parameter*> all{&attention_.w, &attention_.beta};
  for (nn::Parameter* parameter : mlp_.parameters()) all.push_back(parameter);
  return all;
}

void Minimal::initialise(std::int64_t seed) {
  attention_.w.value[0] = static_cast<Real>(static_cast<float>(w0_));
  attention_.beta.value[0] = initial_beta(beta0_, seed);
  mlp_.initialise(seed, memoriser_ordinal);
}

double Minimal::mlp_flops(std::int64_t batch) const {
  return memoriser_flops(batch, dimension_, hidden_);
}

std::unique_ptr<Activations> Minimal::new_activations(std::int64_t batch, std::int64_t length,
                                                      Storage storage) const {
  return std::make_unique<State>(batch, length, dimension_, hidden_, storage);
}

void Minimal::forward(const Batch& batch, Activations& activations, const Workers& workers) const {
  auto& s = own<State>(batch, activations);
  gather_targets(batch, s.x, workers);
  mlp_.forward(batch.size, s.x, s.mlp, s.logits, workers);
  attention_.forward(batch, s.label_attention, s.logits, s.attending, workers);
}

void Minimal::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  auto& s = own<State>(batch, activations);
  attention_.backward(batch, s.label_attention, s.dlogits, s.attending, workers);
  mlp_.backward(batch.size, s.x, s.mlp, s.dlogits, {}, workers);
}

const SystemDefinition systems::minimal{
    .make = make<Minimal>,
    .title = "S3, the minimal model",
    .source = second_version,
    .input = bare_item,
    .forward =
        "a_j = softmax of beta x_N . x_j over the N-1 tokens of the context (with "
        "model.attend_self over the target too, whose label counts as 0); z = W3 relu(W2 "
        "relu(W1 x_N + b1) + b2) + b3 + w sum_j a_j l_j"};

}  // namespace icl::model
