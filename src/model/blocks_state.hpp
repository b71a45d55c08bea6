#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "icl/model/blocks.hpp"

namespace icl::model {

/// What a forward pass of BlocksModel leaves for its backward pass and for probes.
struct BlocksModel::State final : Activations {
  /// With these queries in the last layer.
  State(std::int64_t batch, const BlocksModel& model, nn::Queries of_last, Storage storage);

  [[nodiscard]] std::vector<NamedTensor> forward_tensors() const override {
    return {named.begin(), named.end()};
  }
  [[nodiscard]] const Tensor* attention() const override { return &target_attention; }
  [[nodiscard]] HeadWeights heads() const override { return {weights, stride}; }
  void hold_relus() override {
    for (auto& block : blocks) {
      if (block.mlp) block.mlp->hold();
    }
    if (!readout.h1.empty()) readout.hold();
  }

  [[nodiscard]] nn::Given given(std::size_t l) const { return {looks[l], copies}; }
  void name_tensors();

  std::int64_t asked;  ///< P, the answers to a sequence: 1, or N with all queries
  Embedding::Activations embedding;
  std::vector<Tensor> r;  ///< [B T, d_model] what each layer reads
  std::vector<nn::Block::Activations> blocks;
  Tensor all, dall;  ///< [B T, d_model] behind the layers, where labels stand between those asked
  Tensor last, h;    ///< [B P, d_model] those asked, behind the layers; behind the norm
  Tensor dlast, dh;  ///< gradients
  Tensor dr, dr_below;  ///< [B T, d_model] gradients of the r in hand and the one below
  /// What each head of each layer attends to, and the weights [B, T] of the target on its copies.
  std::vector<std::vector<nn::Attending>> looks;
  Tensor copies;
  Tensor target_attention;  ///< [B, N] mean over the heads of the last layer
  std::optional<nn::LayerNorm::Activations> final_norm;
  nn::TokenMlp::Activations readout;
  std::vector<const Tensor*> weights;  ///< of each layer's heads
  std::int64_t stride;                 ///< tokens from an item to the next
  std::vector<std::pair<std::string, const Tensor*>> named;
};

}  // namespace icl::model
