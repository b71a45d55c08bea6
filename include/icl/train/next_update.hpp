#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/model/model.hpp"
#include "icl/probe/probe.hpp"
#include "icl/train/interventions.hpp"
#include "icl/train/optimizer.hpp"
#include "icl/train/training_pass.hpp"

namespace icl::train {

/// The next update of a run, as probes see it: leaves parameters and moments as they are, and the
/// sinks of the parameters elsewhere (Optimizer::prepare() sets them again). No allocation after
/// construction.
class NextUpdate final : public probe::NextUpdate {
 public:
  /// All of these must outlive it; `step` is that of the run, whenever norms() is called.
  NextUpdate(const config::Config&, const std::int64_t& step, model::Model&, TrainingPass&,
             const Optimizer&, Interventions&);

  [[nodiscard]] std::size_t parameters() const override { return parameters_.size(); }
  [[nodiscard]] std::span<const probe::Norms> norms(const Workers&) override;

 private:
  void backward(const Workers&);

  const config::Config& config_;
  const std::int64_t& step_;
  model::Model& model_;
  TrainingPass& pass_;
  const Optimizer& optimizer_;
  Interventions& interventions_;
  std::vector<nn::Parameter*> parameters_;
  std::vector<Tensor> gradients_;  ///< if a probe of the run asks for them
  std::vector<probe::Norms> norms_;
};

}  // namespace icl::train
