#pragma once

#include <cstdint>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"

namespace icl::task {

/// What training asks of the batches of a run: the answer to the target alone (R = B), or with
/// train.loss_at = every what stands behind each of the N items or symbols (R = B N): of an item
/// its label or its y, of a symbol the one that comes next, and behind the last the batch's own
/// answer. Nothing is drawn for it: all of them but the last stand in the sequence that the model
/// reads.
class TrainingAnswers {
 public:
  /// For batches of up to `capacity` sequences, whose tokens are [x ; label or y] (encode_plain) or
  /// symbols.
  TrainingAnswers(const config::Config&, std::int64_t capacity, Storage storage = {});

  /// Of a batch that the task of the run has filled. They lie in the batch or here, until the next
  /// call. No allocation. Not from two threads at once.
  [[nodiscard]] Answers of(const Batch&);

 private:
  void write(const Batch&, std::int64_t b);

  bool every_, symbols_, numbers_;
  std::int64_t dimension_;     ///< D
  BasicTensor<Label> labels_;  ///< [B, N]
  Tensor values_;              ///< [B N, 1]
};

}  // namespace icl::task
