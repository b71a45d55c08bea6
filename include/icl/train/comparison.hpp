#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/loss.hpp"
#include "icl/config/observers.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/ideal_observer.hpp"
#include "icl/task/task.hpp"
#include "icl/train/evaluation.hpp"

namespace icl::train {

/// The ideal observers of record.observers beside a model, over the sequences that it is evaluated
/// on. All sums are in double and in order.
class Comparison {
 public:
  /// For batches of up to `capacity` sequences of the task.
  Comparison(const config::Config&, const task::Task&, std::int64_t capacity);

  /// The observers of record.observers, whether the task of the run has them or not.
  [[nodiscard]] std::size_t observers() const { return observers_.size(); }
  /// Forgets what it was shown.
  void begin();
  /// A batch, and the outputs [B, C] of the model.
  void add(const Batch&, const Tensor& outputs, const Workers&);
  /// Means over the sequences shown, to scores [observers()]; NaN of those that the task lacks.
  void scores(std::span<ObserverScore> scores) const;

 private:
  /// ln p of each label, or the numbers, of the model: in the form of IdealObserver::answer().
  void write_model_answer(const Real* z, std::span<double> out) const;

  config::Asked asked_;
  std::size_t width_;                                            ///< numbers of an answer
  std::vector<std::unique_ptr<task::IdealObserver>> observers_;  ///< nullptr: the task has none
  std::vector<double> answers_;                                  ///< [capacity, width]
  std::vector<double> of_model_;                                 ///< [capacity, width]
  std::vector<ObserverScore> sums_;
  std::int64_t sequences_ = 0;
};

}  // namespace icl::train
