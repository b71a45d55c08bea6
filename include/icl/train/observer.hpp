#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "icl/probe/fixed_sequences.hpp"
#include "icl/train/evaluation.hpp"
#include "icl/train/optimizer.hpp"
#include "icl/train/state.hpp"

namespace icl::train {

/// How a run came to its end.
enum class Outcome : std::uint8_t {
  completed,      ///< all epochs done
  early_stopped,  ///< ICL accuracy above stop.icl_accuracy
  memorised,      ///< c1 below stop.c1
  interrupted,    ///< asked to stop; may go on from here
  diverged,       ///< the loss or a parameter is not finite: see Trainer::fault
};

/// A run at a step of the snapshot schedule, or at its end; valid until it goes on.
struct Snapshot {
  std::int64_t step;
  std::span<const nn::Parameter* const> parameters;
  Moments moments;                                    ///< of record.optimizer; otherwise empty
  const probe::FixedSequences& sequences;             ///< of record.activations; otherwise empty
  const std::vector<std::vector<Real>>& activations;  ///< on these: see FixedSet::read()
};

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

}  // namespace icl::train
