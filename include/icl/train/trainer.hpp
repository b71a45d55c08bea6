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
#include "icl/nn/logistic_loss.hpp"
#include "icl/probe/fixed_set.hpp"
#include "icl/probe/prober.hpp"
#include "icl/task/given_items.hpp"
#include "icl/task/task.hpp"
#include "icl/train/evaluator.hpp"
#include "icl/train/interventions.hpp"
#include "icl/train/metrics.hpp"
#include "icl/train/optimizer.hpp"
#include "icl/train/schedule.hpp"

namespace icl::train {

/// t_ICL is the first evaluation whose ICL accuracy is above this.
inline constexpr double acquired_accuracy = 0.95;

/// How a run came to its end.
enum class Outcome : std::uint8_t {
  completed,      ///< all epochs done
  early_stopped,  ///< ICL accuracy above stop.icl_accuracy
  memorised,      ///< c1 below stop.c1
  interrupted,    ///< asked to stop; may go on from here
  diverged,       ///< the loss or a parameter is not finite: see Trainer::fault
};

/// Where a run stands, beside its parameters.
struct Progress {
  std::int64_t step = 0;  ///< completed updates
  double train_loss = 0;  ///< sum over the sequences since the last evaluation
  std::int64_t train_correct = 0;
  std::int64_t train_sequences = 0;
  std::optional<std::int64_t> t_icl_step;
  std::optional<std::int64_t> t_icl_refined;  ///< to the single step, by eval.refine
  double I_K = 0;  ///< integral of c1 over learning rate x step, up to the last evaluation
  std::optional<double> c1;  ///< at the last evaluation
  double elapsed = 0;        ///< learning rate x steps since then
  bool operator==(const Progress&) const = default;
};

/// Mean loss and accuracy over the training sequences since the last evaluation.
[[nodiscard]] Score training_score(const Progress&);

using Values = std::vector<std::vector<Real>>;  ///< of each parameter, in the model's order

/// Weights that a run had at an earlier step.
struct Earlier {
  std::int64_t step = 0;
  Values parameters;
  Moments moments;
  bool operator==(const Earlier&) const = default;
};

/// All that a run needs to go on from a step with the same bits: everything else is a function of
/// the configuration.
struct State {
  Progress progress;
  Values parameters;
  Moments moments;
  /// At the last evaluation, or where the run began, while eval.refine may want it.
  std::optional<Earlier> before;
  bool operator==(const State&) const = default;
};

/// The values of each parameter.
[[nodiscard]] Values copy_values(std::span<const nn::Parameter* const> parameters);

/// A run at a step of the snapshot schedule, or at its end; valid until it goes on.
struct Snapshot {
  std::int64_t step;
  std::span<const nn::Parameter* const> parameters;
  Moments moments;                                    ///< of record.optimizer; otherwise empty
  const probe::FixedSequences& sequences;             ///< of record.activations; otherwise empty
  const std::vector<std::vector<Real>>& activations;  ///< on these: see FixedSet::read()
};

/// Whether what is due at the step of a state (evaluation, snapshot) has been recorded already.
enum class Due : std::uint8_t { recorded, open };

/// A run as its observers see it, without copying anything.
class StateView {
 public:
  StateView(const Progress& progress, std::span<const nn::Parameter* const> parameters,
            const Optimizer& optimizer, const std::optional<Earlier>& before, Due due, int threads)
      : progress_(progress),
        parameters_(parameters),
        optimizer_(optimizer),
        before_(before),
        due_(due),
        threads_(threads) {}

  [[nodiscard]] const Progress& progress() const { return progress_; }
  [[nodiscard]] std::span<const nn::Parameter* const> parameters() const { return parameters_; }
  /// How many threads are at work now.
  [[nodiscard]] int threads() const { return threads_; }
  [[nodiscard]] Due due() const { return due_; }
  [[nodiscard]] State copy() const {
    return {progress_, copy_values(parameters_), optimizer_.moments(), before_};
  }

 private:
  const Progress& progress_;
  std::span<const nn::Parameter* const> parameters_;
  const Optimizer& optimizer_;
  const std::optional<Earlier>& before_;
  Due due_;
  int threads_;
};

/// Is told what happens while a run goes on; cannot change it.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// After each update but the last, and after what else was due at that step: here a State is a
  /// whole.
  virtual void stepped(const StateView&) {}
  /// Before an evaluation.
  virtual void evaluating(const StateView&) {}
  virtual void evaluated(const Evaluation&, const Progress&) {}
  virtual void snapshot(const Snapshot&) {}
  /// Once, last. After Outcome::diverged the parameters may not be finite: they are not a state.
  virtual void ended(Outcome, const StateView&) {}
};

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
    return {progress_, readable_, *optimizer_, before_, due_, pace_.chosen()};
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
  /// One update. The workers of the forward pass may be interruptible: what it throws has changed
  /// nothing. False, with fault_ set, if the loss is not finite (then nothing was changed) or a
  /// parameter no longer is.
  [[nodiscard]] bool step(const Workers& forward);
  /// A step with as many threads as pay.
  [[nodiscard]] bool paced_step(const Workers& forward);
  /// The batch of the step to come, forward, and its loss and accuracy.
  [[nodiscard]] nn::LossSums forward_batch(const Workers&);
  void loss_gradient(const Workers&);
  /// What is due after the updates made: an evaluation, a snapshot. The outcome if the run ends
  /// here.
  [[nodiscard]] std::optional<Outcome> record(std::span<Observer* const>,
                                              const std::atomic<bool>& stop);
  /// Nothing, and all as it was, if `stop` is set meanwhile.
  [[nodiscard]] std::optional<Evaluation> evaluate_until(const std::atomic<bool>& stop);
  [[nodiscard]] Evaluation evaluate(const Workers&);
  [[nodiscard]] std::optional<Outcome> outcome_of(const Evaluation&) const;
  [[nodiscard]] nn::Attending attending_in_force() const;
  [[nodiscard]] Earlier earlier() const;
  /// Keeps the weights as they are at an evaluation, if refine() may have to go on from here.
  void keep_before();
  void measure_norms(Evaluation&, const Workers&);
  /// The first step since the evaluation before at which the ICL accuracy, on the sequences of this
  /// evaluation, is above the threshold: trains again from there and looks at each step. Accuracy
  /// jitters about the threshold, so that bisection would find a crossing, but not the first.
  void refine(const Workers&);
  [[nodiscard]] std::int64_t acquired_after(const Earlier& before, std::int64_t last,
                                            const Workers&);
  void reset_train_score();

  config::Config config_;
  Pace pace_;
  Workers workers_;
  std::unique_ptr<model::Model> model_;
  std::vector<nn::Parameter*> parameters_;
  std::vector<const nn::Parameter*> readable_;
  task::Task task_;
  std::unique_ptr<Optimizer> optimizer_;
  Interventions interventions_;
  Evaluator evaluator_;
  probe::Prober prober_;
  probe::FixedSet fixed_set_;
  std::vector<Tensor> gradients_;  ///< for the norms, if they are asked for
  Batch batch_;
  std::unique_ptr<model::Activations> activations_;
  Schedule evaluations_;
  Schedule snapshots_;
  Progress progress_;
  std::optional<Earlier> before_;
  Due due_ = Due::open;
  std::string fault_;
};

}  // namespace icl::train
