#include "icl/train/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "icl/core/error.hpp"
#include "icl/core/simd.hpp"
#include "icl/nn/logistic_loss.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/schedule.hpp"

namespace icl::train {
namespace {

/// The first parameter that holds NaN or infinity, or nullptr.
const nn::Parameter* first_not_finite(std::span<nn::Parameter* const> parameters) {
  const auto bad = std::ranges::find_if_not(
      parameters, [](const nn::Parameter* p) { return simd::all_finite(p->value.values()); });
  return bad == parameters.end() ? nullptr : *bad;
}

/// The name of the tensor in which a fault of a forward pass shows first.
std::string first_fault(std::span<nn::Parameter* const> parameters,
                        const model::Activations& activations) {
  if (const nn::Parameter* bad = first_not_finite(parameters)) return "parameter " + bad->name;
  for (const auto& [name, tensor] : activations.forward_tensors()) {
    if (!simd::all_finite(tensor->values())) return fmt::format("activation {}", name);
  }
  return "the sum of the losses";
}

}  // namespace

std::vector<std::vector<Real>> copy_values(std::span<const nn::Parameter* const> parameters) {
  std::vector<std::vector<Real>> values;
  for (const nn::Parameter* p : parameters) {
    values.emplace_back(p->value.values().begin(), p->value.values().end());
  }
  return values;
}

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

void Trainer::restore(const State& state, Due due) {
  bool fits = state.parameters.size() == parameters_.size();
  for (std::size_t i = 0; fits && i < parameters_.size(); ++i) {
    fits = static_cast<std::int64_t>(state.parameters[i].size()) == parameters_[i]->value.size();
  }
  if (!fits) {
    throw Error(ExitCode::bad_input, "the stored parameters are not those of this configuration");
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    std::ranges::copy(state.parameters[i], parameters_[i]->value.data());
  }
  progress_ = state.progress;
  due_ = due;
}

State Trainer::state() const { return {progress_, copy_values(readable_)}; }

bool Trainer::replay(std::int64_t step) {
  while (progress_.step < step) {
    if (at_evaluation()) reset_train_score();
    if (!this->step()) return false;
  }
  return true;
}

Outcome Trainer::run(std::span<Observer* const> observers, const std::atomic<bool>& stop) {
  const auto tell = [&](auto event, const auto&... what) {
    for (Observer* observer : observers) (observer->*event)(what...);
  };
  const auto parameters = readable_parameters();
  // What is due after `step` updates: an evaluation, a snapshot. The outcome if the run ends here.
  const auto record = [&]() -> std::optional<Outcome> {
    std::optional<Outcome> end;
    if (at_evaluation()) {
      const Evaluation evaluation = evaluate();
      if (!std::isfinite(evaluation.icl.loss) ||
          (task_.has_iwl() && !std::isfinite(evaluation.iwl.loss))) {
        const nn::Parameter* bad = first_not_finite(parameters_);
        fault_ = fmt::format("the loss of the evaluation at step {} is not finite: first of all {}",
                             progress_.step,
                             bad != nullptr ? "parameter " + bad->name : "the evaluation itself");
        return Outcome::diverged;
      }
      tell(&Observer::evaluated, evaluation, progress_);
      if (config_.stop.icl_accuracy && evaluation.icl.accuracy > *config_.stop.icl_accuracy) {
        end = Outcome::early_stopped;
      }
    }
    if (at_snapshot()) tell(&Observer::snapshot, progress_.step, parameters);
    due_ = Due::recorded;
    return end;
  };
  const auto train = [&] {
    if (due_ == Due::open) {
      if (const auto end = record()) return *end;
    }
    while (progress_.step < last_step()) {
      if (stop.load(std::memory_order_relaxed)) return Outcome::interrupted;
      if (!step()) return Outcome::diverged;
      if (const auto end = record()) return *end;
      if (progress_.step < last_step()) tell(&Observer::stepped, progress_, parameters);
    }
    return Outcome::completed;
  };
  const Outcome outcome = train();
  const bool finished = outcome == Outcome::completed || outcome == Outcome::early_stopped;
  if (finished && !at_snapshot()) tell(&Observer::snapshot, progress_.step, parameters);
  tell(&Observer::ended, outcome, progress_, parameters);
  return outcome;
}

bool Trainer::at_evaluation() const { return progress_.step % config_.train.steps_per_epoch == 0; }

bool Trainer::at_snapshot() const {
  return std::ranges::binary_search(snapshot_steps_, progress_.step);
}

nn::LossSums Trainer::score_batch(const Workers& workers) const {
  const auto time = workers.measure(Phase::elementwise);
  return nn::logistic_loss(batch_.size, activations_->logits.data(), batch_.answer.data());
}

bool Trainer::step() {
  task_.training_batch(static_cast<std::uint64_t>(progress_.step), config_.train.batch_size, batch_,
                       workers_);
  model_->forward(batch_, *activations_, workers_);
  const nn::LossSums sums = score_batch(workers_);
  if (!std::isfinite(sums.loss)) {
    fault_ = fmt::format("the loss is not finite at step {}: first of all {}", progress_.step,
                         first_fault(parameters_, *activations_));
    return false;
  }
  {
    const auto time = workers_.measure(Phase::elementwise);
    nn::logistic_loss_gradient(batch_.size, activations_->logits.data(), batch_.answer.data(),
                               activations_->dlogits.data());
  }
  optimizer_.prepare(parameters_);
  model_->backward(batch_, *activations_, workers_);
  const auto time = workers_.measure(Phase::update);
  if (const nn::Parameter* bad = first_not_finite(parameters_)) {
    fault_ = fmt::format("parameter {} is not finite after the update of step {}", bad->name,
                         progress_.step);
    return false;
  }
  ++progress_.step;
  due_ = Due::open;
  progress_.train_loss += sums.loss;
  progress_.train_correct += sums.correct;
  progress_.train_sequences += batch_.size;
  return true;
}

void Trainer::reset_train_score() {
  progress_.train_loss = 0;
  progress_.train_correct = 0;
  progress_.train_sequences = 0;
}

Evaluation Trainer::evaluate() {
  const auto time = workers_.measure(Phase::evaluation);
  const Workers workers = workers_.unmeasured();
  if (progress_.train_sequences == 0) {
    // Nothing was trained yet: the first batch, seen with the initial weights.
    task_.training_batch(static_cast<std::uint64_t>(progress_.step), config_.train.batch_size,
                         batch_, workers);
    model_->forward(batch_, *activations_, workers);
    const nn::LossSums sums = score_batch(workers);
    progress_.train_loss = sums.loss;
    progress_.train_correct = sums.correct;
    progress_.train_sequences = batch_.size;
  }
  const auto count = static_cast<double>(progress_.train_sequences);
  const Evaluation evaluation{
      progress_.step,
      {progress_.train_loss / count, static_cast<double>(progress_.train_correct) / count},
      evaluator_.icl(*model_, progress_.step, workers),
      evaluator_.iwl(*model_, progress_.step, workers)};
  reset_train_score();
  if (!progress_.t_icl_step && evaluation.icl.accuracy > acquired_accuracy) {
    progress_.t_icl_step = progress_.step;
  }
  return evaluation;
}

}  // namespace icl::train
