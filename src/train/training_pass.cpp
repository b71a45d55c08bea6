#include "icl/train/training_pass.hpp"

namespace icl::train {

TrainingPass::TrainingPass(const config::Config& config, const task::Task& task,
                           const model::Model& model)
    : task_(task),
      batch_size_(config.train.batch_size),
      loss_(config::asked_of(config)),
      batch_(task.make_batch(batch_size_)),
      answers_(config, batch_size_),
      asked_(batch_),
      activations_(model.make_training_activations(batch_size_, task.length())) {}

nn::LossSums TrainingPass::forward(const model::Model& model, std::int64_t step,
                                   const nn::Clamps& clamps, const Workers& workers) {
  task_.training_batch(static_cast<std::uint64_t>(step), batch_size_, batch_, workers);
  asked_ = answers_.of(batch_);
  activations_->clamp(clamps);
  model.forward(batch_, *activations_, workers);
  const auto time = workers.measure(Phase::elementwise);
  return loss_.sums(asked_, activations_->logits);
}

void TrainingPass::backward(model::Model& model, const Workers& workers) {
  {
    const auto time = workers.measure(Phase::elementwise);
    loss_.gradient(asked_, activations_->logits, activations_->dlogits);
  }
  model.backward(batch_, *activations_, workers);
}

}  // namespace icl::train
