#include "icl/train/trainer.hpp"

#include <algorithm>
#include <cmath>

#include "icl/nn/logistic_loss.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/schedule.hpp"

namespace icl::train {

Trainer::Trainer(const config::Config& config, const Workers& workers)
    : config_(config),
      workers_(workers),
      model_(model::make_model(config)),
      parameters_(model_->parameters()),
      readable_(parameters_.begin(), parameters_.end()),
      task_(config, *model_, workers),
      optimizer_(config.train),
      evaluator_(task_, *model_, config.eval.sequences, config.data.N),
      batch_(task_.make_batch(config.train.batch_size)),
      activations_(model_->make_activations(config.train.batch_size, config.data.N)),
      snapshot_steps_(snapshot_steps(config.record.snapshots, last_step())) {
  model_->initialise(task::Seeds(config).init);
}

std::int64_t Trainer::last_step() const {
  return config_.train.epochs * config_.train.steps_per_epoch;
}

Outcome Trainer::run(std::span<Observer* const> observers, const std::atomic<bool>& stop) {
  const auto tell = [&](auto event, const auto&... what) {
    for (Observer* observer : observers) (observer->*event)(what...);
  };
  std::int64_t last_snapshot = -1;
  const auto take_snapshot = [&] {
    tell(&Observer::snapshot, progress_.step, std::span(readable_));
    last_snapshot = progress_.step;
  };
  // What is due after `step` updates: an evaluation, a snapshot. True if the run is to stop early.
  const auto record = [&] {
    bool stop_early = false;
    if (progress_.step % config_.train.steps_per_epoch == 0) {
      const Evaluation evaluation = evaluate();
      tell(&Observer::evaluated, evaluation, progress_);
      stop_early = config_.stop.icl_accuracy && evaluation.icl.accuracy > *config_.stop.icl_accuracy;
    }
    if (std::ranges::binary_search(snapshot_steps_, progress_.step)) take_snapshot();
    return stop_early;
  };
  const auto train = [&] {
    if (progress_.step == 0 && record()) return Outcome::early_stopped;
    while (progress_.step < last_step()) {
      if (stop.load(std::memory_order_relaxed)) return Outcome::interrupted;
      if (!step()) return Outcome::diverged;
      const bool stop_early = record();
      tell(&Observer::stepped, progress_, std::span(readable_));
      if (stop_early) return Outcome::early_stopped;
    }
    return Outcome::completed;
  };
  const Outcome outcome = train();
  const bool finished = outcome == Outcome::completed || outcome == Outcome::early_stopped;
  if (finished && last_snapshot != progress_.step) take_snapshot();
  tell(&Observer::ended, outcome, progress_, std::span(readable_));
  return outcome;
}

bool Trainer::step() {
  task_.training_batch(static_cast<std::uint64_t>(progress_.step), config_.train.batch_size, batch_,
                       workers_);
  model_->forward(batch_, *activations_, workers_);
  const auto sums =
      nn::logistic_loss(batch_.size, activations_->logits.data(), batch_.answer.data());
  if (!std::isfinite(sums.loss)) return false;
  nn::logistic_loss_gradient(batch_.size, activations_->logits.data(), batch_.answer.data(),
                             activations_->dlogits.data());
  optimizer_.prepare(parameters_);
  model_->backward(batch_, *activations_, workers_);
  ++progress_.step;
  progress_.train_loss += sums.loss;
  progress_.train_correct += sums.correct;
  progress_.train_sequences += batch_.size;
  return true;
}

Evaluation Trainer::evaluate() {
  if (progress_.step == 0) {
    // Nothing was trained yet: the first batch, seen with the initial weights.
    task_.training_batch(0, config_.train.batch_size, batch_, workers_);
    model_->forward(batch_, *activations_, workers_);
    const auto sums =
        nn::logistic_loss(batch_.size, activations_->logits.data(), batch_.answer.data());
    progress_.train_loss = sums.loss;
    progress_.train_correct = sums.correct;
    progress_.train_sequences = batch_.size;
  }
  const auto count = static_cast<double>(progress_.train_sequences);
  const Evaluation evaluation{
      progress_.step,
      {progress_.train_loss / count, static_cast<double>(progress_.train_correct) / count},
      evaluator_.icl(*model_, progress_.step, workers_),
      evaluator_.iwl(*model_, progress_.step, workers_)};
  progress_.train_loss = 0;
  progress_.train_correct = 0;
  progress_.train_sequences = 0;
  if (!progress_.t_icl_step && evaluation.icl.accuracy > acquired_accuracy) {
    progress_.t_icl_step = progress_.step;
  }
  return evaluation;
}

}  // namespace icl::train
