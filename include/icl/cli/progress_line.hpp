#pragma once

#include <string>

#include "icl/cli/status_line.hpp"
#include "icl/core/clock.hpp"
#include "icl/train/observer.hpp"

namespace icl::cli {

/// "1250 steps/s", "3.4 steps/s", or "7.5 s a step" of a slow run.
[[nodiscard]] std::string pace_text(double steps_per_second);

/// One line on standard error (see StatusLine) that says how a run stands: step, losses, both
/// accuracies, steps a second and on how many threads, time left.
class ProgressLine final : public train::Observer {
 public:
  /// For a run from step `first` (where it starts or goes on) to step `last`, on `threads` at most.
  ProgressLine(std::int64_t first, std::int64_t last, int threads);
  void stepped(const train::StateView&) override;
  void evaluated(const train::Evaluation&, const train::Progress&) override;
  void ended(train::Outcome, const train::StateView&) override;

 private:
  [[nodiscard]] std::string line(std::int64_t step) const;

  std::int64_t first_step_;
  std::int64_t last_step_;
  int threads_;
  StatusLine line_;
  Clock::time_point start_ = Clock::now();
  train::Evaluation latest_;
};

}  // namespace icl::cli
