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

/// LayerNorm and one head of attention, for the target alone:
///     t_j = g n_j + b,  a_j = softmax_j(q_N . k_j),  h = t_N + sum_j a_j v_j,
/// q, k, v = W_q t, W_k t, W_v t; scale 1, no bias, no positional code; j runs over all N tokens,
/// the target included. Since nothing but h is used, keys and values are never formed:
///     q_N . k_j = u . t_j,  u = W_k^T W_q t_N,       sum_j a_j v_j = W_v c,  c = sum_j a_j t_j,
/// and with t_j = g n_j + b the scores need only (g u) . n_j (the rest is equal for all j) and c
/// only m = sum_j a_j n_j. So a sequence costs O(N X), not O(N X^2), and the tokens are read as the
/// reduced rows of TokenNorm, straight from the batch's table.
///
/// Sequences are cut in tiles of `tile`, whatever the number of workers. No allocation. Matrices as
/// for Linear.
class TargetAttention {
 public:
  static constexpr std::int64_t tile = 16;

  /// What forward leaves for backward, [B, X] unless stated; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, std::int64_t length, const TokenNorm&, Storage storage = {});
    Tensor n, t;            ///< the target before and after gain and bias
    Tensor q, u;            ///< W_q t and W_k^T q
    Tensor attention;       ///< a [B, N]
    Tensor m, c;            ///< sum_j a_j n_j and sum_j a_j t_j
    Tensor reduced, sums;   ///< [B, W] g u (or g dc) in reduced form, and the sums over tokens
    Tensor dc, du, dq, dt;  ///< gradients
    Tensor ds;              ///< [B, N] gradient of the scores
    Tensor dgain, dbias;    ///< each sequence's share
  };

  /// Parameter `name`.weight [3 X, X], rows W_q, W_k, W_v.
  TargetAttention(const std::string& name, std::int64_t width, Storage storage = {});

  /// U(-1/sqrt(X), 1/sqrt(X)), as torch.nn.Linear(X, 3 X, bias=False).
  void initialise(std::int64_t seed, std::uint32_t ordinal);

  /// W_q[i, d] += amount W_k[i, d] for d < columns.
  void add_keys_to_queries(Real amount, std::int64_t columns);

  /// h [B, X].
  void forward(const Batch&, const TokenNorm&, Activations&, MatrixView h, Attending,
               const Workers&) const;

  /// From dh [B, X]: the gradients of W_q, W_k, W_v, gain and bias into their sinks.
  /// `attending` as in the forward pass: only learned attention has gradients of its scores.
  void backward(const Batch&, TokenNorm&, Activations&, ConstMatrixView dh, Attending,
                const Workers&);

  Parameter qkv;

 private:
  /// The projections, each [X, X]: which = 0 for W_q, 1 for W_k, 2 for W_v.
  [[nodiscard]] const Real* projection(std::int64_t which) const {
    return qkv.value.row(which * width());
  }
  [[nodiscard]] std::int64_t width() const { return qkv.value.extent(1); }

  void require_fits(const Batch&, const Activations&, ConstMatrixView h) const;
  void backward_inputs(const Batch&, const TokenNorm&, Activations&, const Real* dh, Attending,
                       const Workers&) const;
  void backward_parameters(std::int64_t batch, TokenNorm&, const Activations&, const Real* dh,
                           const Workers&);
};

/// tr(A) / (sqrt(D) |A|_F) of the block A of the first D rows and columns of G W_k^T W_q G, G =
/// diag(gain), qkv [3 X, X] holding the rows W_q, W_k, W_v: how far the scores of items are their
/// scalar products. 1 for a multiple of the identity, about 1/D at random.
[[nodiscard]] double identity_alignment(const Tensor& qkv, const Tensor& gain, std::int64_t D);

}  // namespace icl::nn
