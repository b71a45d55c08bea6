#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "icl/config/blocks.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/heads_attention.hpp"
#include "icl/nn/layer_norm.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/nn/token_mlp.hpp"

namespace icl::nn {

/// A layer of a transformer on T tokens r of X entries: attention, and an MLP if it has one,
///     m = r + attention(ln1(r)),   y = m + mlp(ln2(m)),
/// or y = mlp(ln2(m)) without a residual around the MLP; ln1 and ln2 are left out unless norms
/// stand before both ("pre"). Its outputs y are all tokens, or the last of each sequence alone:
/// which of them, the activations of a pass say.
class Block {
 public:
  struct Shape {
    HeadsAttention::Shape attention;
    bool norms = false;
    std::optional<TokenMlp::Shape> mlp;
    bool mlp_residual = true;
  };

  /// What forward leaves for backward, for Tq = T outputs of a sequence, or 1; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, const Shape&, Queries, Storage storage = {});
    std::optional<LayerNorm::Activations> ln1, ln2;
    HeadsAttention::Activations attention;
    std::optional<TokenMlp::Activations> mlp;
    Tensor x;       ///< ln1(r) [B T, X]; empty without norms
    Tensor middle;  ///< m [B Tq, X]
    Tensor h;       ///< ln2(m) [B Tq, X]; empty without norms or MLP
    Tensor dm, dh;  ///< [B Tq, X] gradients
    Tensor dx;      ///< [B T, X] gradient of what the attention reads
  };

  /// Parameters `name`.ln1, `name`.attn, `name`.ln2 and `name`.mlp, of those that there are.
  Block(const std::string& name, const Shape&, Storage storage = {});

  /// Returns the first ordinal that it does not take.
  std::uint32_t initialise(std::int64_t seed, std::uint32_t ordinal);
  [[nodiscard]] std::vector<Parameter*> parameters();
  [[nodiscard]] const Shape& shape() const { return shape_; }

  /// y [B Tq, X] from r [B T, X]; `given` as HeadsAttention has it. Matrices as for Linear.
  void forward(std::int64_t batch, ConstMatrixView r, const Given& given, Activations&,
               MatrixView y, const Workers&) const;

  /// From dy [B Tq, X]: dr [B T, X], and the gradients of all parameters into their sinks.
  void backward(std::int64_t batch, ConstMatrixView r, const Given& given, Activations&,
                ConstMatrixView dy, MatrixView dr, const Workers&);

 private:
  [[nodiscard]] std::int64_t width() const { return shape_.attention.width; }
  /// B Tq.
  [[nodiscard]] std::int64_t rows_of(std::int64_t batch, const Activations& s) const {
    return batch * shape_.attention.count(s.attention.queries);
  }
  /// The token, of all in a batch, that output i belongs to.
  [[nodiscard]] std::int64_t token_of(std::int64_t i, const Activations& s) const {
    return s.attention.queries == Queries::all ? i : (i + 1) * shape_.attention.tokens - 1;
  }
  void require_fits(std::int64_t batch, ConstMatrixView r, const Activations&,
                    ConstMatrixView y) const;

  Shape shape_;
  std::optional<LayerNorm> ln1_, ln2_;
  HeadsAttention attention_;
  std::optional<TokenMlp> mlp_;
};

}  // namespace icl::nn
