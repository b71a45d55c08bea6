#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "icl/config/blocks.hpp"
#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/angles.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/causal_attention.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

using config::AttentionKind;

/// What the heads of a layer attend to where that is not learned.
struct Given {
  std::span<const Attending> heads;  ///< of each head; empty where all are learned
  ConstMatrixView copies = {};  ///< [B, T] weights of the last token where it attends to copies

  [[nodiscard]] Attending of(std::int64_t head) const {
    return heads.empty() ? Attending::learned : heads[static_cast<std::size_t>(head)];
  }
};

/// Causal attention with H heads of width C, on T tokens x of X entries:
///     q_i, k_j, v_j = W_q x_i, W_k x_j, W_v x_j       (H C entries, C of each head h)
///     s_ij = scale q_i . k_j  for j <= i
///     a_i = softmax_j(s_i)    or, linear, a_ij = s_ij / (i + 1)
///     y_i += W_O [z_i of each head],  z_i = sum_j a_ij v_j
/// without biases. With rotary positions q_i and k_j are turned by the angles of i and j. Without
/// W_O, where H C = X, the z are added as they are. Queries are all tokens, or the last of each
/// sequence alone: which of them, the activations of a pass say.
///
/// Three kernels. Where only the last token attends, and nothing is turned, keys and values are
/// never formed (*gathered*, see TargetAttention): for each head q . k_j = u . x_j, u = W_k^T q,
/// and z = W_v c, c = sum_j a_j x_j, so that a sequence costs O(H T X), not O(T X H C). Where all
/// attend with one head and nothing is turned, queries need not be formed either (*merged*): u_i =
/// (W_q^T W_k)^T x_i, with the product of the weights made once a pass, so that a token costs two
/// projections, not three; it pays where C >= X and tokens are many. Otherwise all are formed
/// (*materialised*). Shape and queries decide between the first and the third; Kernel may ask for
/// the second where it can be, or for the third.
///
/// Sequences are cut in tiles of about `tile` tokens, whatever the number of workers. No
/// allocation. Matrices as for Linear.
class HeadsAttention {
 public:
  static constexpr std::int64_t tile = 128;

  enum class Kernel : std::uint8_t { by_shape, merged, materialised };

  struct Shape {
    std::int64_t width;   ///< X
    std::int64_t tokens;  ///< T
    std::int64_t heads;   ///< H
    std::int64_t head;    ///< C
    AttentionKind kind = AttentionKind::softmax;
    double scale = 1;
    bool output = true;  ///< W_O
    bool rotary = false;
    Kernel kernel = Kernel::by_shape;

    /// Tq, the queries of a sequence: T, or 1 for the last alone.
    [[nodiscard]] std::int64_t count(Queries queries) const {
      return queries == Queries::all ? tokens : 1;
    }
    [[nodiscard]] bool gathers(Queries queries) const {
      return queries == Queries::last && !rotary && kernel != Kernel::materialised;
    }
    [[nodiscard]] bool merges(Queries queries) const {
      return queries == Queries::all && heads == 1 && !rotary && kernel == Kernel::merged;
    }
  };

  /// What forward leaves for backward, for these queries; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, const Shape&, Queries, Storage storage = {});
    Queries queries;
    Tensor q, z;       ///< [B Tq, H C]; gathered, q is scaled; merged, there is no q
    Tensor attention;  ///< a [B, H, Tq, T], 0 where j > i
    Tensor dq, dz;     ///< [B Tq, H C]; merged, there is no dq
    Tensor ds;         ///< [B, H, Tq, T]
    Tensor kv, dkv;    ///< materialised: [B T, 2 H C], keys, then values
    Tensor u, c;    ///< gathered: [B, H, X] W_k^T q and sum_j a_j x_j; merged: [B T, X], u scaled
    Tensor du, dc;  ///< as u and c
    Tensor merged, dmerged;  ///< merged: [X, X] W_q^T W_k and its gradient
    Tensor held;             ///< merged: [2 C, X] W_q and W_k while both are updated
  };

  /// Parameters `name`.qkv.weight [3 H C, X], rows W_q, W_k, W_v, and `name`.output.weight
  /// [X, H C].
  HeadsAttention(const std::string& name, const Shape&, Storage storage = {});

  /// U(-1/sqrt(columns), 1/sqrt(columns)); takes two ordinals.
  void initialise(std::int64_t seed, std::uint32_t ordinal);
  [[nodiscard]] std::vector<Parameter*> parameters();

  /// What attention adds to y [B Tq, X], from x [B T, X].
  void forward(std::int64_t batch, ConstMatrixView x, const Given& given, Activations&,
               MatrixView y, const Workers&) const;

  /// From dy [B Tq, X]: dx [B T, X] by way of the attention alone, and the gradients of all
  /// parameters into their sinks; `given` as in the forward pass. All input gradients are taken
  /// before any weight may change.
  void backward(std::int64_t batch, ConstMatrixView x, const Given& given, Activations&,
                ConstMatrixView dy, MatrixView dx, const Workers&);

  Parameter qkv;
  Parameter output;  ///< on paper and of no extent without W_O

 private:
  void require_fits(std::int64_t batch, ConstMatrixView x, const Given& given, const Activations&,
                    ConstMatrixView y) const;
  /// The sequences of one task.
  [[nodiscard]] std::int64_t sequences() const;
  /// H C.
  [[nodiscard]] std::int64_t inner() const { return shape_.heads * shape_.head; }
  /// Row W_q (0), W_k (1) or W_v (2) of qkv.
  [[nodiscard]] const Real* projection(std::int64_t which) const {
    return qkv.value.row(which * inner());
  }
  /// The first query of a sequence among its tokens [T, X], and the stride to the next.
  [[nodiscard]] std::int64_t query_offset(Queries queries) const {
    return (shape_.tokens - shape_.count(queries)) * shape_.width;
  }
  [[nodiscard]] std::int64_t query_stride(Queries queries) const {
    return (queries == Queries::all ? 1 : shape_.tokens) * shape_.width;
  }

  void forward_gathered(Tile sequences, const Real* x, const Given& given, Activations&) const;
  void backward_gathered(Tile sequences, const Real* x, const Given& given, Activations&,
                         Real* dx) const;
  void merge(Activations&, const Workers&) const;
  void forward_merged(Tile sequences, const Real* x, const Given& given, Activations&) const;
  void backward_merged(Tile sequences, const Real* x, const Given& given, Activations&,
                       Real* dx) const;
  void backward_merged_parameters(std::int64_t batch, const Real* x, Activations&, const Workers&);
  void forward_materialised(Tile some, const Real* x, const Given& given, Activations&) const;
  void backward_materialised(Tile some, const Given& given, Activations&, Real* dx) const;
  void turn_all(Turn, Tile sequences, Queries, Real* q, Real* k) const;
  void attend(std::int64_t b, const Given& given, Activations&) const;
  void attend_backward(std::int64_t b, const Given& given, Activations&) const;
  void backward_inputs(std::int64_t batch, const Real* x, const Given& given, Activations&,
                       const Real* dy, Real* dx, const Workers&) const;
  static void take(Parameter&, Tile rows, std::int64_t terms, Operand da, Operand b,
                   const Workers&);
  void backward_parameters(std::int64_t batch, const Real* x, Activations&, const Real* dy,
                           const Workers&);

  Shape shape_;
  std::optional<Angles> angles_;
};

}  // namespace icl::nn
