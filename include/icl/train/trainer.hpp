#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
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
  diverged,       ///< the loss of the next batch is not finite; that step was not made
};

/// Where a run stands, beside its parameters.
struct Progress {
  std::int64_t step = 0;  ///< completed updates
  double train_loss = 0;  ///< sum over the sequences since the last evaluation
  std::int64_t train_correct = 0;
  std::int64_t train_sequences = 0;
  std::optional<std::int64_t> t_icl_step;
};

/// Is told what happens while a run goes on; cannot change it.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// After each update, and after what else was due at that step.
  virtual void stepped(const Progress&, std::span<const nn::Parameter* const>) {}
  virtual void evaluated(const Evaluation&, const Progress&) {}
  /// All parameters at a step of the snapshot schedule, or at the end of the run.
  virtual void snapshot(std::int64_t /*step*/, std::span<const nn::Parameter* const>) {}
  /// Once, last.
  virtual void ended(Outcome, const Progress&, std::span<const nn::Parameter* const>) {}
};

/// One run: the model, its task, and the loop over steps. Owns the loop and nothing else; what it sees
/// it tells the observers. The numbers depend on the configuration alone, not on the workers.
class Trainer {
 public:
  /// Draws items and initial weights; throws Error for a system that does not exist.
  Trainer(const config::Config&, const Workers&);

  /// Trains to the end, or until `stop` is set, looked at once a step.
  Outcome run(std::span<Observer* const> observers, const std::atomic<bool>& stop);

  [[nodiscard]] const Progress& progress() const { return progress_; }
  [[nodiscard]] std::int64_t last_step() const;
  [[nodiscard]] std::span<nn::Parameter* const> parameters() const { return parameters_; }
  [[nodiscard]] const model::Model& model() const { return *model_; }
  [[nodiscard]] const task::Task& task() const { return task_; }

 private:
  /// One update; false, with nothing changed, if the loss is not finite.
  [[nodiscard]] bool step();
  [[nodiscard]] Evaluation evaluate();

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
};

}  // namespace icl::train
