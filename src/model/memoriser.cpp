#include "icl/model/memoriser.hpp"

#include "icl/core/simd.hpp"
#include "icl/model/system.hpp"
#include "icl/model/target_items.hpp"

namespace icl::model {

struct Memoriser::State final : Activations {
  State(std::int64_t batch, std::int64_t dimension, std::int64_t hidden, Storage storage)
      : Activations(batch, storage), x({batch, dimension}, storage), mlp(batch, hidden, storage) {}

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {{"target item", &x},
            {"mlp hidden 1", &mlp.h1},
            {"mlp hidden 2", &mlp.h2},
            {"logits", &logits}};
  }
  void hold_relus() override { mlp.hold(); }

  Tensor x;  ///< [B, D] the targets
  nn::Mlp::Activations mlp;
};

Memoriser::Memoriser(const config::Config& config, Storage storage)
    : dimension_(config.data.D),
      hidden_(config.model.hidden),
      mlp_("mlp", dimension_, hidden_, "dimension", storage) {}

std::int64_t Memoriser::token_width() const { return simd::padded(dimension_ + 1); }

void Memoriser::encode(std::span<const float> item, int label, Real* row) const {
  encode_plain(item, label, token_width(), row);
}

std::vector<nn::Parameter*> Memoriser::parameters() { return mlp_.parameters(); }

void Memoriser::initialise(std::int64_t seed) { mlp_.initialise(seed, memoriser_ordinal); }

double Memoriser::mlp_flops(std::int64_t batch) const {
  return memoriser_flops(batch, dimension_, hidden_);
}

std::unique_ptr<Activations> Memoriser::new_activations(std::int64_t batch, std::int64_t /*length*/,
                                                        Storage storage) const {
  return std::make_unique<State>(batch, dimension_, hidden_, storage);
}

void Memoriser::forward(const Batch& batch, Activations& activations,
                        const Workers& workers) const {
  auto& s = own<State>(batch, activations);
  gather_targets(batch, s.x, workers);
  mlp_.forward(batch.size, s.x, s.mlp, s.logits, workers);
}

void Memoriser::backward(const Batch& batch, Activations& activations, const Workers& workers) {
  auto& s = own<State>(batch, activations);
  mlp_.backward(batch.size, s.x, s.mlp, s.dlogits, {}, workers);
}

const SystemDefinition systems::memoriser{
    .make = make<Memoriser>,
    .title = "S4, the memoriser",
    .source = second_version,
    .input = "x_N, the D numbers of the target; it reads no context",
    .forward = "z = W3 relu(W2 relu(W1 x_N + b1) + b2) + b3"};

}  // namespace icl::model
