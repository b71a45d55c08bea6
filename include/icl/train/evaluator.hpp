#pragma once

#include <cstdint>
#include <memory>

#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/logistic_loss.hpp"
#include "icl/task/task.hpp"
#include "icl/train/metrics.hpp"

namespace icl::train {

/// Measures a model on the ICL and IWL sequences of a step: eval.sequences of each kind, fresh ones
/// for every step. No allocation after construction.
class Evaluator {
 public:
  /// Sequences in one forward pass: part of the numerics.
  static constexpr std::int64_t chunk = 256;

  Evaluator(const task::Task&, const model::Model&, std::int64_t sequences);

  /// What the attention of the model is clamped to, from now on.
  void attend(nn::Attending attending) { activations_->attending = attending; }

  /// NaN where the task has no ICL evaluation, and so for the others.
  [[nodiscard]] Score icl(const model::Model&, std::int64_t step, const Workers&);
  /// Whether the accuracy of icl() is above `threshold`, without measuring it any longer than it
  /// can be.
  [[nodiscard]] bool icl_above(double threshold, const model::Model&, std::int64_t step,
                               const Workers&);
  [[nodiscard]] Score iwl(const model::Model&, std::int64_t step, const Workers&);
  [[nodiscard]] Score equal(const model::Model&, std::int64_t step, const Workers&);

 private:
  using Draw = void (task::Task::*)(std::uint64_t, std::int64_t, std::int64_t, Batch&,
                                    const Workers&) const;
  [[nodiscard]] Score measure(Draw, const model::Model&, std::int64_t step, const Workers&);
  /// Of sequences [first, first + size).
  [[nodiscard]] nn::LossSums measure_chunk(Draw, const model::Model&, std::int64_t step,
                                           std::int64_t first, std::int64_t size, const Workers&);

  const task::Task& task_;
  std::int64_t sequences_;
  Batch batch_;
  std::unique_ptr<model::Activations> activations_;
};

}  // namespace icl::train
