#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "icl/config/config.hpp"
#include "icl/train/evaluation.hpp"
#include "icl/train/observer.hpp"
#include "icl/train/state.hpp"

namespace icl::train {

/// t_ICL is the first evaluation whose ICL accuracy is above this.
inline constexpr double acquired_accuracy = 0.95;

/// A run as it was since the weights that an Acquisition kept.
class Past {
 public:
  Past() = default;
  Past(const Past&) = delete;
  Past& operator=(const Past&) = delete;
  virtual ~Past() = default;

  /// Goes to `step`, later than the weights that were kept and than the step asked for before.
  /// False if it meets what is not finite.
  [[nodiscard]] virtual bool rewind(std::int64_t step) = 0;
  /// Whether the ICL accuracy there, on the sequences of the evaluation at hand, is above
  /// `threshold`.
  [[nodiscard]] virtual bool icl_above(double threshold) = 0;
};

/// When a run acquires ICL, and whether it ends of what an evaluation says: t_ICL, eval.refine,
/// stop.icl_accuracy and stop.c1. Decides on what it is handed, and trains nothing.
class Acquisition {
 public:
  explicit Acquisition(const config::Config& config)
      : refine_(config.eval.refine), stop_(config.stop) {}

  struct Found {
    std::int64_t step;                    ///< of the evaluation
    std::optional<std::int64_t> refined;  ///< to the single step
  };
  /// Whether the evaluation at which the run stands is the first one whose ICL accuracy is above
  /// the threshold. With eval.refine, the first step since the weights that were kept at which the
  /// accuracy on the sequences of this evaluation is: each step is looked at, since accuracy
  /// jitters about the threshold, so that bisection would find a crossing, but not the first.
  [[nodiscard]] std::optional<Found> look(const Progress&, double icl_accuracy, Past&) const;

  /// How the run ends after this evaluation, if it does.
  [[nodiscard]] std::optional<Outcome> outcome_of(const Evaluation&) const;

  // ---- The weights from which the single step is looked for ----

  [[nodiscard]] const std::optional<Earlier>& before() const { return before_; }
  void restore(std::optional<Earlier> before) { before_ = std::move(before); }
  /// Whether those of now are to be kept: there are none, and t_ICL is open.
  [[nodiscard]] bool wants_weights(const Progress& progress) const {
    return refine_ && !before_ && !progress.t_icl_step;
  }

 private:
  bool refine_;
  config::Stop stop_;
  std::optional<Earlier> before_;
};

}  // namespace icl::train
