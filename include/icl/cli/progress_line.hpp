#pragma once

#include <chrono>
#include <string>

#include "icl/train/trainer.hpp"

namespace icl::cli {

/// One line on standard error that says how a run stands: step, losses, both accuracies, steps a
/// second, time left. On a terminal it is drawn anew several times a second (in colour unless
/// NO_COLOR is set); elsewhere a plain line is written once a minute.
class ProgressLine final : public train::Observer {
 public:
  /// For a run from step `first` (where it starts or goes on) to step `last`.
  ProgressLine(std::int64_t first, std::int64_t last);
  /// Ends the line, so that what is printed next stands on its own.
  ~ProgressLine() override;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void stepped(const train::Progress&, std::span<const nn::Parameter* const>) override;
  void evaluated(const train::Evaluation&, const train::Progress&) override;
  void ended(train::Outcome, const train::Progress&,
             std::span<const nn::Parameter* const>) override;

 private:
  using Clock = std::chrono::steady_clock;
  void show(std::int64_t step);
  [[nodiscard]] std::string line(std::int64_t step) const;

  std::int64_t first_step_;
  std::int64_t last_step_;
  bool terminal_;
  bool colour_;
  bool line_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = Clock::time_point::min();
  train::Evaluation latest_;
};

/// "1 h 05 min", "2 min 07 s", "9 s".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace icl::cli
