#include "icl/train/evaluator.hpp"

#include <algorithm>

#include "icl/nn/logistic_loss.hpp"

namespace icl::train {

Evaluator::Evaluator(const task::Task& task, const model::Model& model, std::int64_t sequences)
    : task_(task),
      sequences_(sequences),
      batch_(task.make_batch(std::min(chunk, sequences))),
      activations_(model.make_activations(std::min(chunk, sequences), task.length())) {}

Score Evaluator::icl(const model::Model& model, std::int64_t step, const Workers& workers) {
  return task_.has_icl() ? measure(&task::Task::icl_batch, model, step, workers) : Score{};
}

Score Evaluator::equal(const model::Model& model, std::int64_t step, const Workers& workers) {
  return task_.has_equal() ? measure(&task::Task::equal_batch, model, step, workers) : Score{};
}

Score Evaluator::iwl(const model::Model& model, std::int64_t step, const Workers& workers) {
  return task_.has_iwl() ? measure(&task::Task::iwl_batch, model, step, workers) : Score{};
}

Score Evaluator::measure(Draw draw, const model::Model& model, std::int64_t step,
                         const Workers& workers) {
  nn::LossSums total;
  for (std::int64_t first = 0; first < sequences_; first += chunk) {
    const std::int64_t size = std::min(chunk, sequences_ - first);
    (task_.*draw)(static_cast<std::uint64_t>(step), first, size, batch_, workers);
    model.forward(batch_, *activations_, workers);
    const auto sums = nn::logistic_loss(size, activations_->logits.data(), batch_.answer.data());
    total.loss += sums.loss;
    total.correct += sums.correct;
  }
  const auto count = static_cast<double>(sequences_);
  return {total.loss / count, static_cast<double>(total.correct) / count};
}

}  // namespace icl::train
