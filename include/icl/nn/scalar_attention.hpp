#pragma once

#include <cstdint>
#include <string>

#include "icl/core/batch.hpp"
#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/nn/token_norm.hpp"

namespace icl::nn {

/// The attention of the target with one number beta in place of queries and keys, as in the first
/// published version of Nguyen & Reddy (2024):
///     h = t_N + W_v c,  c = sum_j a_j t_j,  a_j = softmax_j(beta x_N . x_j),
/// on raw tokens t = [x ; onehot(label)] of X = D + 2 entries (D + 1 with the scalar label code),
/// without layer norm; j runs over all N tokens, the target [x_N ; 0 0] included.
///
/// A token's row in the table is [x ; l], l = -1, +1, or 0 for the target, and zeros. Tokens are
/// never formed: with A the weight on the context and S = sum_j a_j l_j the two label entries of c
/// are (A - S)/2 and (A + S)/2, and the gradient of a weight is
///     da_j = dc . t_j = v . r_j + k [j < N],  v = [dc_x ; (dc_+ - dc_-)/2],  k = (dc_- + dc_+)/2.
///
/// Sequences are cut in tiles of `tile`, whatever the number of workers. No allocation. Matrices as
/// for Linear.
class ScalarAttention {
 public:
  static constexpr std::int64_t tile = 16;

  /// What forward leaves for backward; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, std::int64_t length, std::int64_t width, std::int64_t row_width,
                Storage storage = {});
    Tensor products;   ///< x_N . x_j [B, N]
    Tensor attention;  ///< a [B, N], the target's own last
    Tensor sums;       ///< [B, W] sum_j a_j r_j, and in backward v
    Tensor c, dc;      ///< [B, X]
    Tensor da;         ///< [B, N]
    Tensor dbeta;      ///< each sequence's share [B]
  };

  /// Parameters beta [1] and value.weight [X, X].
  ScalarAttention(std::int64_t item_dimension, LabelCode code, Storage storage = {});

  [[nodiscard]] std::int64_t width() const { return value.value.extent(1); }  ///< X
  [[nodiscard]] std::int64_t row_width() const;  ///< W: D + 1, padded to a multiple of simd::lanes

  /// h [B, X].
  void forward(const Batch&, Activations&, MatrixView h, Attending, const Workers&) const;

  /// From dh [B, X]: the gradients of W_v and beta into their sinks; `attending` as in the forward
  /// pass: only learned attention has a gradient of beta.
  void backward(const Batch&, Activations&, ConstMatrixView dh, Attending, const Workers&);

  Parameter beta;
  Parameter value;

 private:
  void require_fits(const Batch&, const Activations&, ConstMatrixView h) const;
  /// c [X] from the sum over the rows of a sequence, with `context` the weight on its context.
  void expand(const Real* sums, Real context, Real* c) const;
  /// v [W] from dc [X]; returns k.
  Real reduce(const Real* dc, Real* v) const;

  std::int64_t dimension_;
  LabelCode code_;
};

}  // namespace icl::nn
