#include "icl/train/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "icl/core/blas_room.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/error.hpp"
#include "icl/core/simd.hpp"
#include "icl/nn/loss.hpp"
#include "icl/task/registry.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/initial_beta.hpp"

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

Trainer::Trainer(const config::Config& config, const Workers& workers,
                 std::optional<task::GivenItems> given)
    : config_(config),
      pace_(workers.threads()),
      workers_(workers),
      model_(model::make_model(config)),
      parameters_(model_->parameters()),
      readable_(parameters_.begin(), parameters_.end()),
      task_(task::make_task(config, std::move(given), *model_, workers)),
      optimizer_(make_optimizer(config.train, parameters_)),
      interventions_(config.intervene, parameters_),
      evaluator_(config, *task_, *model_),
      pass_(config, *task_, *model_),
      next_update_(config_, progress_.step, *model_, pass_, *optimizer_, interventions_),
      prober_(config, *task_, *model_, &next_update_),
      fixed_set_(config, *task_, *model_, workers),
      evaluations_(evaluation_schedule(config)),
      snapshots_(snapshot_schedule(config)),
      acquisition_(config) {
  require_room_of_threads(workers.threads());
  evaluation_.sets.resize(task_->sets());
  evaluation_.observers.resize(evaluation_.sets.size() * evaluator_.observers());
  const std::int64_t seed = task::Seeds(config).init;
  if (config.init.beta0) {
    initialise_with_beta(*config.init.beta0, seed, *task_, *model_, workers);
  } else {
    model_->initialise(seed);
  }
}

void Trainer::restore(const State& state, Due due) {
  const auto fits = [&](const Values& values) {
    bool all = values.size() == parameters_.size();
    for (std::size_t i = 0; all && i < parameters_.size(); ++i) {
      all = static_cast<std::int64_t>(values[i].size()) == parameters_[i]->value.size();
    }
    return all;
  };
  const auto moments_fit = [&](const Moments& m) {
    return std::ranges::all_of(m.tensors, fits, &Moments::Tensor::values);
  };
  const bool before_fits =
      !state.before || (fits(state.before->parameters) && moments_fit(state.before->moments));
  if (!fits(state.parameters) || !moments_fit(state.moments) || !before_fits) {
    throw Error(ExitCode::bad_input, "the stored parameters are not those of this configuration");
  }
  go_to(state.progress.step, state.parameters, state.moments);
  progress_ = state.progress;
  acquisition_.restore(state.before);
  due_ = due;
}

void Trainer::go_to(std::int64_t step, const Values& parameters, const Moments& moments) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    std::ranges::copy(parameters[i], parameters_[i]->value.data());
  }
  optimizer_->restore(moments);
  progress_ = {};
  progress_.step = step;
}

bool Trainer::replay(std::int64_t step) {
  while (progress_.step < step) {
    if (evaluations_.holds(progress_.step)) reset_train_score();
    if (!paced_step(workers_)) return false;
  }
  return true;
}

Snapshot Trainer::snapshot() {
  return {progress_.step, readable_, config_.record.optimizer ? optimizer_->moments() : Moments{},
          fixed_set_.sequences(),
          fixed_set_.read(*model_, clamps_in_force(), workers_.unmeasured())};
}

Outcome Trainer::run(std::span<Observer* const> observers, const std::atomic<bool>& stop) {
  const auto tell = [&](auto event, const auto&... what) {
    for (Observer* observer : observers) (observer->*event)(what...);
  };
  keep_before();
  const auto train = [&] {
    if (due_ == Due::open) {
      if (const auto end = record(observers, stop)) return *end;
    }
    while (progress_.step < last_step()) {
      if (stop.load(std::memory_order_relaxed)) return Outcome::interrupted;
      try {
        if (!paced_step(workers_.interruptible(stop))) return Outcome::diverged;
      } catch (const Interrupted&) {
        return Outcome::interrupted;  // forward: nothing was changed
      }
      if (const auto end = record(observers, stop)) return *end;
      if (progress_.step < last_step()) tell(&Observer::stepped, view());
    }
    return Outcome::completed;
  };
  const Outcome outcome = train();
  const bool finished = outcome != Outcome::interrupted && outcome != Outcome::diverged;
  if (finished && !snapshots_.holds(progress_.step)) {
    tell(&Observer::snapshot, snapshot());
  }
  tell(&Observer::ended, outcome, view());
  return outcome;
}

bool Trainer::is_finite(const Evaluation& evaluation) const {
  for (std::size_t i = 0; i < evaluation.sets.size(); ++i) {
    if (task_->has(i) && !std::isfinite(evaluation.sets.at(i).loss)) return false;
  }
  return true;
}

std::optional<Outcome> Trainer::record(std::span<Observer* const> observers,
                                       const std::atomic<bool>& stop) {
  std::optional<Outcome> end;
  if (evaluations_.holds(progress_.step)) {
    for (Observer* observer : observers) observer->evaluating(view());
    if (!evaluate_until(stop)) return Outcome::interrupted;
    if (!is_finite(evaluation_)) {
      const nn::Parameter* bad = first_not_finite(parameters_);
      fault_ = fmt::format("the loss of the evaluation at step {} is not finite: first of all {}",
                           progress_.step,
                           bad != nullptr ? "parameter " + bad->name : "the evaluation itself");
      return Outcome::diverged;
    }
    for (Observer* observer : observers) observer->evaluated(evaluation_, progress_);
    end = acquisition_.outcome_of(evaluation_);
  }
  if (snapshots_.holds(progress_.step)) {
    const Snapshot now = snapshot();
    for (Observer* observer : observers) observer->snapshot(now);
  }
  due_ = Due::recorded;
  return end;
}

nn::LossSums Trainer::forward_batch(const Workers& workers) {
  return pass_.forward(*model_, progress_.step, interventions_.clamps(progress_.step), workers);
}

bool Trainer::paced_step(const Workers& forward) {
  const auto begin = Clock::now();
  const bool whole = step(forward);
  pace_.stepped(seconds(Clock::now() - begin));
  workers_ = workers_.with_threads(pace_.threads());
  return whole;
}

bool Trainer::step(const Workers& forward) {
  const nn::LossSums sums = forward_batch(forward);
  if (!std::isfinite(sums.loss)) {
    fault_ = fmt::format("the loss is not finite at step {}: first of all {}", progress_.step,
                         first_fault(parameters_, pass_.activations()));
    return false;
  }
  const double share = rate_share(config_, progress_.step);
  optimizer_->prepare(interventions_.factors(progress_.step, share));
  pass_.backward(*model_, workers_);
  optimizer_->finish(workers_);
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
  progress_.train_answers += pass_.answers();
  progress_.elapsed += config_.train.learning_rate * share;
  return true;
}

void Trainer::reset_train_score() {
  progress_.train_loss = 0;
  progress_.train_correct = 0;
  progress_.train_answers = 0;
  progress_.elapsed = 0;
}

bool Trainer::evaluate_until(const std::atomic<bool>& stop) {
  const auto time = workers_.measure(Phase::evaluation);
  const Progress before = progress_;
  try {
    const Workers workers = workers_.unmeasured().interruptible(stop);
    workers.check_interrupt();
    evaluate(workers);
    return true;
  } catch (const Interrupted&) {
    progress_ = before;
    return false;
  }
}

void Trainer::evaluate(const Workers& workers) {
  if (progress_.train_answers == 0) {
    // Nothing was trained yet: the first batch, seen with the initial weights.
    const nn::LossSums sums = forward_batch(workers);
    progress_.train_loss = sums.loss;
    progress_.train_correct = sums.correct;
    progress_.train_answers = pass_.answers();
  }
  evaluation_.step = progress_.step;
  evaluation_.train = training_score(progress_);
  if (!evaluator_.judges()) evaluation_.train.accuracy = Score{}.accuracy;
  const nn::Clamps clamps = clamps_in_force();
  evaluator_.attend(clamps);
  for (std::size_t i = 0; i < evaluation_.sets.size(); ++i) {
    evaluation_.sets.at(i) = evaluator_.measure(i, *model_, progress_.step, workers);
    evaluator_.read_observers(evaluation_.observers_on(i));
  }
  evaluation_.probes = prober_.read(*model_, progress_.step, clamps, progress_, workers);
  reset_train_score();
  look_for_acquisition(workers);
  acquisition_.restore(std::nullopt);
  keep_before();
}

/// Of the last step made: an evaluation describes the network as it was trained.
nn::Clamps Trainer::clamps_in_force() const {
  return interventions_.clamps(std::max<std::int64_t>(progress_.step - 1, 0));
}

}  // namespace icl::train
