#pragma once

#include <optional>

#include "icl/model/model.hpp"
#include "icl/nn/mlp.hpp"
#include "icl/nn/scalar_attention.hpp"

namespace icl::model {

/// The system between S1 and S3: h = t_N + W_v sum_j softmax_j(beta x_N . x_j) t_j on raw tokens,
/// one number beta in place of layer norm, W_q and W_k; z = MLP(h) as in S1. Parameters beta,
/// value.weight and mlp.{0,2,4}.
///
/// Of equal seeds, W_v and the MLP begin as those of S1, and beta as that of S3.
class ScalarBeta final : public Model {
 public:
  explicit ScalarBeta(const config::Config&, Storage storage = {});

  [[nodiscard]] std::int64_t token_width() const override { return attention_.row_width(); }
  void encode(std::span<const float> item, int label, Real* row) const override;

  [[nodiscard]] std::vector<nn::Parameter*> parameters() override;
  void initialise(std::int64_t seed) override;
  [[nodiscard]] double mlp_flops(std::int64_t batch) const override;
  void forward(const Batch&, Activations&, const Workers&) const override;
  void backward(const Batch&, Activations&, const Workers&) override;

 private:
  struct State;

  [[nodiscard]] std::unique_ptr<Activations> new_activations(std::int64_t batch,
                                                             std::int64_t length,
                                                             Storage storage) const override;

  std::int64_t hidden_;
  std::optional<double> beta0_;
  nn::ScalarAttention attention_;
  nn::Mlp mlp_;
};

}  // namespace icl::model
