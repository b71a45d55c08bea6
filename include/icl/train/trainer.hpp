#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/pace.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/probe/fixed_set.hpp"
#include "icl/probe/prober.hpp"
#include "icl/task/given_items.hpp"
#include "icl/task/task.hpp"
#include "icl/train/acquisition.hpp"
#include "icl/train/evaluator.hpp"
#include "icl/train/interventions.hpp"
#include "icl/train/next_update.hpp"
#include "icl/train/observer.hpp"
#include "icl/train/optimizer.hpp"
#include "icl/train/schedule.hpp"
#include "icl/train/state.hpp"
#include "icl/train/training_pass.hpp"

namespace icl::train {

/// One run: the model, its task, and the loop over steps. Owns the loop and nothing else; what it
/// sees it tells the observers. The numbers depend on the configuration alone, not on the workers.
class Trainer {
 public:
  /// Draws items (or takes those given, where data.items is set) and initial weights; throws Error
  /// for what the configuration names and there is not.
  Trainer(const config::Config&, const Workers&, std::optional<task::GivenItems> given = {});

  /// Goes to a state of a run of the same model; throws Error(ExitCode::bad_input) if its
  /// parameters are not this model's.
  void restore(const State&, Due);

  /// Makes steps up to `step` without evaluating or telling anyone: for going again where a run has
  /// been before. Starts from where it stands; false if it meets what is not finite.
  [[nodiscard]] bool replay(std::int64_t step);

  /// Trains to the end, or until `stop` is set, looked at once a step, and all the time in an
  /// evaluation: if that is given up, nothing of it is told, and it is due when the state goes on.
  Outcome run(std::span<Observer* const> observers, const std::atomic<bool>& stop);

  [[nodiscard]] StateView view() const {
    return {progress_, readable_, *optimizer_, acquisition_.before(), due_, pace_.chosen()};
  }
  [[nodiscard]] State state() const { return view().copy(); }
  /// As observers are told of it at the step where the run stands.
  [[nodiscard]] Snapshot snapshot();
  [[nodiscard]] const Progress& progress() const { return progress_; }
  [[nodiscard]] std::int64_t last_step() const { return config::last_step(config_); }
  /// How many of the workers' threads are at work: see Pace.
  [[nodiscard]] int threads_in_force() const { return pace_.chosen(); }
  /// Floating-point operations that the MLP's products need in one step.
  [[nodiscard]] double mlp_flops() const { return model_->mlp_flops(config_.train.batch_size); }
  [[nodiscard]] std::span<nn::Parameter* const> parameters() const { return parameters_; }
  [[nodiscard]] std::span<const nn::Parameter* const> readable_parameters() const {
    return readable_;
  }

  /// After Outcome::diverged: what is not finite, by name, and at which step.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  class Rewound;

  /// One update. The workers of the forward pass may be interruptible: what it throws has changed
  /// nothing. False, with fault_ set, if the loss is not finite (then nothing was changed) or a
  /// parameter no longer is.
  [[nodiscard]] bool step(const Workers& forward);
  /// A step with as many threads as pay.
  [[nodiscard]] bool paced_step(const Workers& forward);
  /// The batch of the step to come, forward, and its loss and accuracy.
  [[nodiscard]] nn::LossSums forward_batch(const Workers&);
  /// What is due after the updates made: an evaluation, a snapshot. The outcome if the run ends
  /// here.
  [[nodiscard]] std::optional<Outcome> record(std::span<Observer* const>,
                                              const std::atomic<bool>& stop);
  /// Fills evaluation_. False, and the run is as it was, if `stop` is set meanwhile.
  [[nodiscard]] bool evaluate_until(const std::atomic<bool>& stop);
  void evaluate(const Workers&);
  [[nodiscard]] nn::Clamps clamps_in_force() const;
  /// Whether the losses of the sets that the task has are.
  [[nodiscard]] bool is_finite(const Evaluation&) const;
  /// Notes t_ICL, if it is this evaluation.
  void look_for_acquisition(const Workers&);
  /// Keeps the weights as they are at an evaluation, if the search for t_ICL may begin here.
  void keep_before();
  /// Goes to weights, and so to another step, of which nothing else is known.
  void go_to(std::int64_t step, const Values&, const Moments&);
  void reset_train_score();

  config::Config config_;
  Pace pace_;
  Workers workers_;
  std::unique_ptr<model::Model> model_;
  std::vector<nn::Parameter*> parameters_;
  std::vector<const nn::Parameter*> readable_;
  std::unique_ptr<task::Task> task_;
  std::unique_ptr<Optimizer> optimizer_;
  Interventions interventions_;
  Evaluator evaluator_;
  TrainingPass pass_;
  NextUpdate next_update_;
  probe::Prober prober_;
  probe::FixedSet fixed_set_;
  Schedule evaluations_;
  Schedule snapshots_;
  Progress progress_;
  Evaluation evaluation_;  ///< the last one
  Acquisition acquisition_;
  Due due_ = Due::open;
  std::string fault_;
};

}  // namespace icl::train
