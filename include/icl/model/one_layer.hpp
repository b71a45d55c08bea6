#pragma once

#include "icl/model/model.hpp"
#include "icl/nn/mlp.hpp"
#include "icl/nn/target_attention.hpp"
#include "icl/nn/token_norm.hpp"

namespace icl::model {

/// S1, the one-layer transformer: t = LayerNorm(token), h = t_N + attention of the target over all
/// N tokens, z = MLP(h). Parameters to_embedding.0, qkv and mlp.{0,2,4}, as in the torch module.
class OneLayer final : public Model {
 public:
  explicit OneLayer(const config::Config&, Storage storage = {});

  [[nodiscard]] std::int64_t token_width() const override { return norm_.reduced_width(); }
  void encode(std::span<const float> item, int label, Real* row) const override {
    norm_.encode(item, label, row);
  }

  [[nodiscard]] std::vector<nn::Parameter*> parameters() override;
  void initialise(std::int64_t seed) override;
  void favour_copies(Real amount) override { attention_.add_keys_to_queries(amount, dimension_); }
  [[nodiscard]] double mlp_flops(std::int64_t batch) const override;
  [[nodiscard]] double identity_alignment() const override;
  void forward(const Batch&, Activations&, const Workers&) const override;
  void backward(const Batch&, Activations&, const Workers&) override;

 private:
  struct State;

  [[nodiscard]] std::unique_ptr<Activations> new_activations(std::int64_t batch,
                                                             std::int64_t length,
                                                             Storage storage) const override;

  std::int64_t dimension_;
  std::int64_t hidden_;
  nn::TokenNorm norm_;
  nn::TargetAttention attention_;
  nn::Mlp mlp_;
};

}  // namespace icl::model
