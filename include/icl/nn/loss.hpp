#pragma once

#include <cstdint>
#include <string_view>

#include "icl/config/loss.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/matrix_view.hpp"
#include "icl/nn/logistic_loss.hpp"

namespace icl::nn {

/// The loss of a run: how wrong the outputs z [B, C] of a model are for what a batch asks. The
/// losses, of one sequence, are those of config::LossKind. All is computed in double, added up in
/// order, and allocates nothing. Outputs and gradients have a row for each sequence of the batch,
/// or more; what does not fit is Error(internal), and nothing was read or written then.
class Loss {
 public:
  explicit Loss(config::Asked asked) : asked_(asked) {}

  [[nodiscard]] std::int64_t outputs() const { return asked_.outputs; }  ///< C
  /// Whether an answer is right or wrong: otherwise LossSums::correct is 0 and means nothing.
  [[nodiscard]] bool judges() const { return config::row_of(asked_.loss).judges; }

  /// Sums over the batch. An answer is right if its logit is greater than all others, or with one
  /// logit has its sign; ties and NaN are wrong.
  [[nodiscard]] LossSums sums(const Batch&, ConstMatrixView z) const;

  /// dz [B, C], the gradient of the mean loss over the batch.
  void gradient(const Batch&, ConstMatrixView z, MatrixView dz) const;

  /// ln(p / (1 - p)) of the probability p that the outputs z [B, C] give to the answer of sequence
  /// b: y z with one logit, z_y - ln(sum over the other labels of e^z) with L. NaN for numbers.
  [[nodiscard]] double margin(const Batch&, std::int64_t b, ConstMatrixView z) const;

 private:
  void require_fits(const Batch&, std::string_view what, ConstMatrixView) const;

  config::Asked asked_;
};

}  // namespace icl::nn
