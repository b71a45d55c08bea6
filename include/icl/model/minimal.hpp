#pragma once

#include <optional>

#include "icl/model/model.hpp"
#include "icl/nn/label_attention.hpp"
#include "icl/nn/mlp.hpp"

namespace icl::model {

/// S3, the minimal model: z = phi(x_N) + w sum_j softmax_j(beta x_N . x_j) l_j, phi an MLP on the
/// target's item alone. Parameters w, beta and mlp.{0,2,4}.
class Minimal final : public Model {
 public:
  explicit Minimal(const config::Config&, Storage storage = {});

  [[nodiscard]] std::int64_t token_width() const override;
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

  std::int64_t dimension_;
  std::int64_t hidden_;
  std::optional<double> beta0_;
  double w0_;
  nn::LabelAttention attention_;
  nn::Mlp mlp_;
};

}  // namespace icl::model
