#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/loss.hpp"
#include "icl/task/task.hpp"
#include "icl/task/training_answers.hpp"

namespace icl::train {

/// The batch of a training step, and a model's passes over it. No allocation after construction.
class TrainingPass {
 public:
  TrainingPass(const config::Config&, const task::Task&, const model::Model&);

  /// Draws the batch of the step from `step` to `step` + 1; its loss and accuracy. May throw
  /// Interrupted if the workers are interruptible.
  [[nodiscard]] nn::LossSums forward(const model::Model&, std::int64_t step, const nn::Clamps&,
                                     const Workers&);
  /// Hands the gradient of the mean loss of the batch to the parameters' sinks.
  void backward(model::Model&, const Workers&);

  /// Answers that the batch asks for: its sequences, or with train.loss_at = every N times as many.
  [[nodiscard]] std::int64_t answers() const { return asked_.count; }
  [[nodiscard]] const model::Activations& activations() const { return *activations_; }

 private:
  const task::Task& task_;
  std::int64_t batch_size_;
  nn::Loss loss_;
  Batch batch_;
  task::TrainingAnswers answers_;
  Answers asked_;  ///< of the batch in hand
  std::unique_ptr<model::Activations> activations_;
};

}  // namespace icl::train
