#pragma once

#include <cstdint>

#include "icl/config/blocks.hpp"
#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/tensor.hpp"
#include "icl/nn/attending.hpp"

namespace icl::model {

/// How the N items of a sequence and their labels make T tokens of X = D + 2 entries (D + 1 with
/// the scalar label code, D + L with one-hot codes of L labels, 2 D with vectors of D entries):
/// concatenated, t_j = [x_j ; code(l_j)] and T = N, the target [x_N ; 0 0]; or interleaved,
/// [x_1 ; 0 0], [0 ; code(l_1)], [x_2 ; 0 0], ..., [x_N ; 0 0] and T = 2 N - 1. Interleaved vectors
/// take the place of an item, so that X = D: x_1, v(l_1), x_2, ..., x_N. The y of regression
/// stands where a label does, in one entry; symbols are items without labels.
///
/// The rows of a batch's table are [x ; l] (encode_plain).
class TokenLayout {
 public:
  TokenLayout(const config::Config&, const config::BlocksShape&);

  [[nodiscard]] std::int64_t tokens() const { return tokens_; }  ///< T
  [[nodiscard]] std::int64_t items() const { return items_; }    ///< N
  /// Tokens from an item to the next.
  [[nodiscard]] std::int64_t stride() const { return interleaved_ ? 2 : 1; }
  /// The token, of all in a batch, of its item i = 0, 1, ..., sequence after sequence.
  [[nodiscard]] std::int64_t token_of(std::int64_t i) const {
    return i / items_ * tokens_ + i % items_ * stride();
  }

  /// Writes the T tokens of sequence b, the first to `out` and each `stride` behind the one before.
  /// `vectors` [L, D] are those of the labels, if they have some.
  void write(const Batch&, std::int64_t b, const Tensor* vectors, Real* out,
             std::int64_t stride) const;

  /// Weights [T] of the target that attends equally to its copies, to nothing where there is none.
  /// A copy is attended to where its label stands: in its own token or, interleaved, in the one
  /// after.
  void copy_weights(const Batch&, std::int64_t b, Real* weights) const;

  /// sums [N] += weights [T] of the target, an item's and its label's together.
  void add_by_item(const Real* weights, Real* sums) const;

 private:
  void write_token(const Real* item, Real label, const Tensor* vectors, Real* token) const;
  void write_label(Label label, const Tensor* vectors, Real* code) const;

  bool interleaved_;
  bool signs_;  ///< labels are -1 and +1
  config::LabelCode code_;
  std::int64_t token_;      ///< X
  std::int64_t label_;      ///< entries of a label
  std::int64_t dimension_;  ///< D
  std::int64_t items_;
  std::int64_t tokens_;
};

}  // namespace icl::model
