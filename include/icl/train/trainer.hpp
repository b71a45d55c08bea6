#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/logistic_loss.hpp"
#include "icl/task/task.hpp"
#include "icl/train/evaluator.hpp"
#include "icl/train/metrics.hpp"
#include "icl/train/optimizer.hpp"

namespace icl::train {

/// t_ICL is the first evaluation whose ICL accuracy is above this.
inline constexpr double acquired_accuracy = 0.95;

/// How a run came to its end.
enum class Outcome : std::uint8_t {
  completed,      ///< all epochs done
  early_stopped,  ///< ICL accuracy above stop.icl_accuracy
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
  bool operator==(const Progress&) const = default;
};

/// All that a run needs to go on from a step with the same bits: everything else is a function of
/// the configuration.
struct State {
  Progress progress;
  std::vector<std::vector<Real>> parameters;  ///< the values of each, in the model's order
  bool operator==(const State&) const = default;
};

/// The values of each parameter.
[[nodiscard]] std::vector<std::vector<Real>> copy_values(
    std::span<const nn::Parameter* const> parameters);

/// Whether what is due at the step of a state (evaluation, snapshot) has been recorded already.
enum class Due : std::uint8_t { recorded, open };

/// Is told what happens while a run goes on; cannot change it.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// After each update but the last, and after what else was due at that step: here a State is a
  /// whole.
  virtual void stepped(const Progress&, std::span<const nn::Parameter* const>) {}
  virtual void evaluated(const Evaluation&, const Progress&) {}
  /// All parameters at a step of the snapshot schedule, or at the end of the run.
  virtual void snapshot(std::int64_t /*step*/, std::span<const nn::Parameter* const>) {}
  /// Once, last. After Outcome::diverged the parameters may not be finite: they are not a state.
  virtual void ended(Outcome, const Progress&, std::span<const nn::Parameter* const>) {}
};

/// One run: the model, its task, and the loop over steps. Owns the loop and nothing else; what it
/// sees it tells the observers. The numbers depend on the configuration alone, not on the workers.
class Trainer {
 public:
  /// Draws items and initial weights; throws Error for a system that does not exist.
  Trainer(const config::Config&, const Workers&);

  /// Goes to a state of a run of the same model; throws Error(ExitCode::bad_input) if its
  /// parameters are not this model's.
  void restore(const State&, Due);

  /// Makes steps up to `step` without evaluating or telling anyone: for going again where a run has
  /// been before. Starts from where it stands; false if it meets what is not finite.
  [[nodiscard]] bool replay(std::int64_t step);

  /// Trains to the end, or until `stop` is set, looked at once a step.
  Outcome run(std::span<Observer* const> observers, const std::atomic<bool>& stop);

  [[nodiscard]] State state() const;
  [[nodiscard]] const Progress& progress() const { return progress_; }
  [[nodiscard]] std::int64_t last_step() const;
  /// Floating-point operations that the MLP's products need in one step.
  [[nodiscard]] double mlp_flops() const { return model_->mlp_flops(config_.train.batch_size); }
  [[nodiscard]] std::span<nn::Parameter* const> parameters() const { return parameters_; }
  [[nodiscard]] std::span<const nn::Parameter* const> readable_parameters() const {
    return readable_;
  }

  /// After Outcome::diverged: what is not finite, by name, and at which step.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  /// One update. False, with fault_ set, if the loss is not finite (then nothing was changed) or a
  /// parameter no longer is.
  [[nodiscard]] bool step();
  /// The loss and accuracy of batch_ as it stands in activations_.
  [[nodiscard]] nn::LossSums score_batch(const Workers&) const;
  [[nodiscard]] Evaluation evaluate();
  [[nodiscard]] bool at_evaluation() const;
  [[nodiscard]] bool at_snapshot() const;
  void reset_train_score();

  config::Config config_;
  Workers workers_;
  std::unique_ptr<model::Model> model_;
  std::vector<nn::Parameter*> parameters_;
  std::vector<const nn::Parameter*> readable_;
  task::Task task_;
  Sgd optimizer_;
  Evaluator evaluator_;
  Batch batch_;
  std::unique_ptr<model::Activations> activations_;
  std::vector<std::int64_t> snapshot_steps_;
  Progress progress_;
  Due due_ = Due::open;
  std::string fault_;
};

}  // namespace icl::train
