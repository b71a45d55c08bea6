#pragma once

#include <cstdint>
#include <string>

#include "icl/core/batch.hpp"
#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

/// Whether the target's attention counts the target itself.
enum class Self : std::uint8_t { excluded, included };

/// The attention of the minimal model (Nguyen & Reddy 2024):
///     z = w m,  m = sum_j a_j l_j,  a_j = softmax_j(beta x_N . x_j),
/// with labels l_j = +-1, 0 for the target itself, and two trained numbers w and beta. A token's
/// row [W] is [x ; l] and zeros.
///
/// Sequences are cut in tiles of `tile`, whatever the number of workers. No allocation. Matrices as
/// for Linear.
class LabelAttention {
 public:
  static constexpr std::int64_t tile = 16;

  /// What forward leaves for backward; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, std::int64_t length, Storage storage = {});
    Tensor products;   ///< x_N . x_j [B, N]
    Tensor attention;  ///< a [B, N], the target's own last: 0 if it is excluded
    Tensor m;          ///< [B]
    Tensor dw, dbeta;  ///< each sequence's share [B]
  };

  /// Parameters w and beta, [1] each.
  LabelAttention(std::int64_t item_dimension, Self self, Storage storage = {});

  /// z [B] += w m.
  void forward(const Batch&, Activations&, MatrixView z, Attending, const Workers&) const;

  /// From dz [B]: hands dw = sum_b dz m and dbeta = sum_b dz w sum_j a_j (l_j - m) x_N . x_j to the
  /// sinks; `attending` as in the forward pass: only learned attention has a gradient of beta.
  void backward(const Batch&, Activations&, ConstMatrixView dz, Attending, const Workers&);

  Parameter w;
  Parameter beta;

 private:
  void require_fits(const Batch&, const Activations&, ConstMatrixView z) const;
  /// The number of tokens that learned attention runs over.
  [[nodiscard]] std::int64_t reach(const Batch& batch) const {
    return batch.length - (self_ == Self::excluded ? 1 : 0);
  }

  std::int64_t dimension_;
  Self self_;
};

}  // namespace icl::nn
