#pragma once

#include <cstdint>
#include <string>

#include "icl/core/batch.hpp"
#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

/// Which tokens attend, and so have an output.
enum class Queries : std::uint8_t {
  all,   ///< every token
  last,  ///< the target alone
};

/// One head of causal attention on tokens x [B N, X], sequence after sequence:
///     y_i = x_i + sum_{j<=i} a_ij v_j,  a_i = softmax_{j<=i}(q_i . k_j),
/// q, k, v = W_q x, W_k x, W_v x; scale 1, no bias, no positional code; a token attends to itself.
/// Keys and values are never formed (see TargetAttention):
///     q_i . k_j = u_i . x_j,  u = W_k^T W_q x,       sum_j a_ij v_j = W_v c_i,  c = a x.
/// Outputs y [B Nq, X] are those of the queries: all tokens, Nq = N, or the last, Nq = 1.
///
/// A task is one sequence or, where a sequence has but one query, `tile` of them, whatever the
/// number of workers. A masked weight is exactly 0, but 0 x NaN is NaN: a token that is NaN may
/// spoil earlier ones of its sequence. No allocation. Matrices as for Linear.
class CausalAttention {
 public:
  static constexpr std::int64_t tile = 16;

  /// What forward leaves for backward, [B Nq, X] unless stated; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, std::int64_t length, const CausalAttention&,
                Storage storage = {});
    Tensor q, u;        ///< W_q x and W_k^T q
    Tensor attention;   ///< a [B Nq, N], 0 where j > i
    Tensor c;           ///< sum_j a_ij x_j
    Tensor dc, du, dq;  ///< gradients
    Tensor ds;          ///< [B Nq, N] gradient of the scores
  };

  /// Parameter `name`.weight [3 X, X], rows W_q, W_k, W_v.
  CausalAttention(const std::string& name, std::int64_t width, Queries queries,
                  Storage storage = {});

  /// U(-1/sqrt(X), 1/sqrt(X)), as torch.nn.Linear(X, 3 X, bias=False).
  void initialise(std::int64_t seed, std::uint32_t ordinal);

  /// y [B Nq, X] from the tokens x [B N, X] of the batch. Anything but learned attention is for
  /// Queries::last.
  void forward(const Batch&, ConstMatrixView x, Activations&, MatrixView y, Attending,
               const Workers&) const;

  /// From dy [B Nq, X]: dx [B N, X], and the gradients of W_q, W_k, W_v into their sink.
  /// `attending` as in the forward pass: only learned attention has gradients of its scores.
  void backward(const Batch&, ConstMatrixView x, Activations&, ConstMatrixView dy, MatrixView dx,
                Attending, const Workers&);

  Parameter qkv;

 private:
  class Shape;

  /// The projections, each [X, X]: which = 0 for W_q, 1 for W_k, 2 for W_v.
  [[nodiscard]] const Real* projection(std::int64_t which) const {
    return qkv.value.row(which * width());
  }
  [[nodiscard]] std::int64_t width() const { return qkv.value.extent(1); }

  void require_fits(const Batch&, ConstMatrixView x, const Activations&, ConstMatrixView y) const;
  void backward_inputs(const Batch&, const Real* x, Activations&, const Real* dy, Real* dx,
                       Attending, const Workers&) const;
  void backward_parameters(const Batch&, const Real* x, const Activations&, const Real* dy,
                           const Workers&);

  Queries queries_;
};

}  // namespace icl::nn
