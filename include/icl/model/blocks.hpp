#pragma once

#include <optional>
#include <vector>

#include "icl/config/blocks.hpp"
#include "icl/model/embedding.hpp"
#include "icl/model/model.hpp"
#include "icl/model/token_layout.hpp"
#include "icl/nn/block.hpp"
#include "icl/nn/layer_norm.hpp"
#include "icl/nn/token_mlp.hpp"

namespace icl::model {

/// The transformer that the keys of [blocks] describe: the T tokens of TokenLayout as Embedding
/// makes them, then the layers (nn::Block), the last of which the target alone goes through, a last
/// layer norm with norms "pre", and z = readout(r_T). In training with train.loss_at = every all
/// tokens go through the last layer too, and norm and readout follow for that of each item. With
/// one layer, the norm of the input, no scale, no W_O and no MLP it is S1, and with MLPs of three
/// matrices in all layers but the last, without residual, S2.
///
/// Parameters embed (Embedding), blocks.{l} (nn::Block), ln_final, and mlp.{0,2,4} (mlp.0 of a
/// linear readout), of those that there are. With data.label_count z has an entry for each label.
class BlocksModel final : public Model {
 public:
  explicit BlocksModel(const config::Config&, Storage storage = {});

  [[nodiscard]] std::int64_t token_width() const override;
  void encode(std::span<const float> item, int label, Real* row) const override;

  [[nodiscard]] std::vector<nn::Parameter*> parameters() override;
  void initialise(std::int64_t seed) override;
  [[nodiscard]] double mlp_flops(std::int64_t batch) const override;
  void forward(const Batch&, Activations&, const Workers&) const override;
  void backward(const Batch&, Activations&, const Workers&) override;

 private:
  struct State;

  [[nodiscard]] std::unique_ptr<Activations> new_activations(std::int64_t batch,
                                                             std::int64_t length,
                                                             Storage storage) const override;

  [[nodiscard]] std::unique_ptr<Activations> new_training_activations(
      std::int64_t batch, std::int64_t length, Storage storage) const override;

  [[nodiscard]] std::int64_t tokens() const { return layout_.tokens(); }
  /// Which tokens attend in layer l, where in the last one these do.
  [[nodiscard]] nn::Queries queries(std::size_t l, nn::Queries last) const {
    return l + 1 == blocks_.size() ? last : nn::Queries::all;
  }
  /// Answers to a sequence: of its items, or of the last alone.
  [[nodiscard]] std::int64_t answers(nn::Queries last) const {
    return last == nn::Queries::all ? layout_.items() : 1;
  }
  [[nodiscard]] State& state_for(const Batch&, Activations&) const;
  void look_at(const Batch&, State&) const;
  void mean_attention(std::int64_t batch, State&) const;
  void gather_items(std::int64_t batch, State&) const;
  void scatter_items(std::int64_t batch, State&) const;

  config::BlocksShape shape_;
  TokenLayout layout_;
  std::int64_t dimension_;
  nn::Queries asked_;  ///< whom training asks in the last layer
  Embedding embedding_;
  nn::TokenMlp::Shape readout_shape_;
  std::optional<nn::LayerNorm> final_norm_;
  std::vector<nn::Block> blocks_;
  nn::TokenMlp readout_;
};

}  // namespace icl::model
