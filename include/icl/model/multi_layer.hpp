#pragma once

#include <vector>

#include "icl/model/model.hpp"
#include "icl/nn/causal_attention.hpp"
#include "icl/nn/mlp.hpp"
#include "icl/nn/token_mlp.hpp"
#include "icl/nn/token_norm.hpp"

namespace icl::model {

/// S2, the transformer of L layers: x = LayerNorm(token); x <- x + causal attention of every token,
/// x <- MLP_l(x), without residual, in all layers but the last; there only the target attends, h =
/// x_N + attention over all N tokens, and z = MLP(h). With L = 1 it is S1.
///
/// Parameters to_embedding.0, layers.{l}.qkv, layers.{l}.mlp.{0,2,4} for all l but the last, and
/// mlp.{0,2,4}; with compat.frozen_readout those of the last-named are not trained.
class MultiLayer final : public Model {
 public:
  explicit MultiLayer(const config::Config&, Storage storage = {});

  [[nodiscard]] std::int64_t token_width() const override { return norm_.reduced_width(); }
  void encode(std::span<const float> item, int label, Real* row) const override {
    norm_.encode(item, label, row);
  }

  [[nodiscard]] std::vector<nn::Parameter*> parameters() override;
  void initialise(std::int64_t seed) override;
  [[nodiscard]] double mlp_flops(std::int64_t batch) const override;
  [[nodiscard]] double identity_alignment() const override;
  void forward(const Batch&, Activations&, const Workers&) const override;
  void backward(const Batch&, Activations&, const Workers&) override;

 private:
  struct State;

  [[nodiscard]] std::unique_ptr<Activations> new_activations(std::int64_t batch,
                                                             std::int64_t length,
                                                             Storage storage) const override;

  void embed(const Batch&, State&, const Workers&) const;
  void embed_backward(const Batch&, State&, const Workers&);

  std::int64_t dimension_;
  std::int64_t length_;  ///< N
  std::int64_t hidden_;
  nn::TokenNorm norm_;
  std::vector<nn::CausalAttention> attention_;  ///< of each layer
  std::vector<nn::TokenMlp> token_mlp_;         ///< of each layer but the last
  nn::Mlp mlp_;
};

}  // namespace icl::model
