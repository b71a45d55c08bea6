#include "icl/train/evaluator.hpp"

#include <algorithm>

namespace icl::train {

Evaluator::Evaluator(const config::Config& config, const task::Task& task,
                     const model::Model& model)
    : task_(task),
      loss_(config::asked_of(config)),
      sequences_(config.eval.sequences),
      batch_(task.make_batch(std::min(chunk, sequences_))),
      comparison_(config, task, std::min(chunk, sequences_)),
      activations_(model.make_activations(std::min(chunk, sequences_), task.length())) {}

bool Evaluator::is_above(double threshold, std::size_t set, const model::Model& model,
                         std::int64_t step, const Workers& workers) {
  std::int64_t best = sequences_;  // correct, if all that are left are
  const auto above = [&] {
    return static_cast<double>(best) / static_cast<double>(sequences_) > threshold;
  };
  for (std::int64_t first = 0; first < sequences_ && above(); first += chunk) {
    const std::int64_t size = std::min(chunk, sequences_ - first);
    best -= size - measure_chunk(set, model, step, first, size, workers).correct;
  }
  return above();
}

nn::LossSums Evaluator::measure_chunk(std::size_t set, const model::Model& model, std::int64_t step,
                                      std::int64_t first, std::int64_t size,
                                      const Workers& workers) {
  task_.evaluation_batch(set, static_cast<std::uint64_t>(step), first, size, batch_, workers);
  model.forward(batch_, *activations_, workers);
  return loss_.sums(batch_, activations_->logits);
}

Score Evaluator::measure(std::size_t set, const model::Model& model, std::int64_t step,
                         const Workers& workers) {
  comparison_.begin();
  if (!task_.has(set)) return {};
  nn::LossSums total;
  for (std::int64_t first = 0; first < sequences_; first += chunk) {
    const std::int64_t size = std::min(chunk, sequences_ - first);
    const auto sums = measure_chunk(set, model, step, first, size, workers);
    comparison_.add(batch_, activations_->logits, workers);
    total.loss += sums.loss;
    total.correct += sums.correct;
  }
  const auto count = static_cast<double>(sequences_);
  Score score;
  score.loss = total.loss / count;
  if (loss_.judges()) score.accuracy = static_cast<double>(total.correct) / count;
  return score;
}

}  // namespace icl::train
