#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "icl/config/blocks.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/token_layout.hpp"
#include "icl/nn/angles.hpp"
#include "icl/nn/layer_norm.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::model {

/// From the T tokens t_j of TokenLayout to the vectors of d_model entries that the first layer of
/// BlocksModel reads:
///     e_j = [position ; norm(t_j)] or t_j,   r_j = W_E e_j + P_j,
/// of these parts those that [blocks] names. Token j stands at place j of the n_ctx that there are,
/// or of a sequence that is shifted by s (Batch::shift) at place s + j.
class Embedding {
 public:
  /// What forward leaves for backward; owned by the caller. d_input is the width of e.
  struct Activations {
    Activations(std::int64_t batch, const Embedding&, Storage storage = {});
    Tensor input;       ///< e [B T, d_input]
    Tensor raw;         ///< [B T, X] tokens before the norm; empty without it
    Tensor normed;      ///< [B T, X] tokens behind it, where a position stands before them
    Tensor dinput;      ///< [B T, d_input]; empty unless the norm needs it
    Tensor dnormed;     ///< [B T, X] the same without positions
    Tensor dpositions;  ///< [n_ctx, d_model] sums over the batch; empty unless they are learned
    std::optional<nn::LayerNorm::Activations> norm;
  };

  /// Parameters embed.labels.weight [L, D], the vectors of the labels, which are not trained;
  /// embed.norm, embed.read_in.weight [d_model, d_input] and embed.positions.weight
  /// [n_ctx, d_model], of those that there are.
  Embedding(const config::BlocksShape&, const TokenLayout&, Storage storage = {});

  /// Returns the first ordinal that it does not take.
  std::uint32_t initialise(std::int64_t seed, std::uint32_t ordinal);
  [[nodiscard]] std::vector<nn::Parameter*> parameters();
  /// Operations of the products of one step on `batch` sequences.
  [[nodiscard]] double flops(std::int64_t batch) const;

  /// r [B T, d_model].
  void forward(const Batch&, Activations&, MatrixView r, const Workers&) const;
  /// From dr [B T, d_model]: the gradients of all parameters into their sinks.
  void backward(const Batch&, Activations&, ConstMatrixView dr, const Workers&);

 private:
  /// Entries of a one-hot position before those of a token.
  [[nodiscard]] std::int64_t before() const { return shape_.d_input - shape_.token; }
  void write_tokens(const Batch&, Activations&, const Workers&) const;
  void write_input(const Batch&, Activations&, const Workers&) const;
  void backward_norm(std::int64_t batch, Activations&, ConstMatrixView dr, const Workers&);

  config::BlocksShape shape_;
  TokenLayout layout_;
  std::optional<nn::LayerNorm> norm_;
  std::optional<nn::Parameter> labels_, read_in_, positions_;
  std::optional<nn::Angles> sinusoids_;
};

}  // namespace icl::model
