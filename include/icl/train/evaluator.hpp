#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/loss.hpp"
#include "icl/task/task.hpp"
#include "icl/train/comparison.hpp"
#include "icl/train/evaluation.hpp"

namespace icl::train {

/// Measures a model on the evaluation sets of a step: eval.sequences of each, fresh ones for every
/// step. Allocates only where observers answer.
class Evaluator {
 public:
  /// Sequences in one forward pass: part of the numerics.
  static constexpr std::int64_t chunk = 256;

  Evaluator(const config::Config&, const task::Task&, const model::Model&);

  /// What the attention of the model is clamped to, from now on.
  void attend(const nn::Clamps& clamps) { activations_->clamp(clamps); }

  /// The observers of record.observers on the set that was measured last, to [observers()]; NaN
  /// where the task does not have it.
  void read_observers(std::span<ObserverScore> scores) const { comparison_.scores(scores); }
  /// Whether answers are right or wrong: otherwise accuracies are NaN.
  [[nodiscard]] bool judges() const { return loss_.judges(); }
  [[nodiscard]] std::size_t observers() const { return comparison_.observers(); }

  /// On the set of that number; NaN where the task does not have it.
  [[nodiscard]] Score measure(std::size_t set, const model::Model&, std::int64_t step,
                              const Workers&);
  /// Whether the accuracy of measure() is above `threshold`, without measuring it any longer than
  /// it can be.
  [[nodiscard]] bool is_above(double threshold, std::size_t set, const model::Model&,
                              std::int64_t step, const Workers&);

 private:
  /// Of sequences [first, first + size).
  [[nodiscard]] nn::LossSums measure_chunk(std::size_t set, const model::Model&, std::int64_t step,
                                           std::int64_t first, std::int64_t size, const Workers&);

  const task::Task& task_;
  nn::Loss loss_;
  std::int64_t sequences_;
  Batch batch_;
  Comparison comparison_;
  std::unique_ptr<model::Activations> activations_;
};

}  // namespace icl::train
