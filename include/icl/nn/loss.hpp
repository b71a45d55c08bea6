#pragma once

#include <cstdint>
#include <string_view>

#include "icl/config/loss.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/matrix_view.hpp"
#include "icl/nn/logistic_loss.hpp"

namespace icl::nn {

/// The loss of a run: how wrong the outputs z [R, C] of a model are for the R answers that a batch
/// asks for. The losses, of one answer, are those of config::LossKind. All is computed in double,
/// added up in order, and allocates nothing. Outputs and gradients have a row for each answer, or
/// more; what does not fit is Error(internal), and nothing was read or written then.
class Loss {
 public:
  explicit Loss(config::Asked asked) : asked_(asked) {}

  [[nodiscard]] std::int64_t outputs() const { return asked_.outputs; }  ///< C
  /// Whether an answer is right or wrong: otherwise LossSums::correct is 0 and means nothing.
  [[nodiscard]] bool judges() const { return config::row_of(asked_.loss).judges; }

  /// Sums over the answers. An answer is right if its logit is greater than all others, or with one
  /// logit has its sign; ties and NaN are wrong.
  [[nodiscard]] LossSums sums(const Answers&, ConstMatrixView z) const;

  /// dz [R, C], the gradient of the mean loss over the answers.
  void gradient(const Answers&, ConstMatrixView z, MatrixView dz) const;

  /// ln(p / (1 - p)) of the probability p that the outputs z [R, C] give to answer r: y z with one
  /// logit, z_y - ln(sum over the other labels of e^z) with L. NaN for numbers.
  [[nodiscard]] double margin(const Answers&, std::int64_t r, ConstMatrixView z) const;

 private:
  void require_fits(const Answers&, std::string_view what, ConstMatrixView) const;

  config::Asked asked_;
};

}  // namespace icl::nn
