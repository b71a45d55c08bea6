#pragma once

#include "icl/model/model.hpp"
#include "icl/nn/mlp.hpp"

namespace icl::model {

/// S4, the memoriser: z = phi(x_N), the MLP of the minimal model by itself. It reads no context:
/// a sequence is its target alone. Parameters mlp.{0,2,4}.
class Memoriser final : public Model {
 public:
  explicit Memoriser(const config::Config&, Storage storage = {});

  [[nodiscard]] std::int64_t token_width() const override;
  void encode(std::span<const float> item, int label, Real* row) const override;
  [[nodiscard]] bool reads_context() const override { return false; }

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
  nn::Mlp mlp_;
};

}  // namespace icl::model
