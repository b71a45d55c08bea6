#include "icl/cli/progress_line.hpp"

#include <fmt/format.h>

#include <cmath>

#include "icl/task/evaluation_set.hpp"

namespace icl::cli {
namespace {

std::string score_text(const train::Score& score) {
  if (std::isnan(score.loss)) return "-";
  if (std::isnan(score.accuracy)) return fmt::format("{:.4f}", score.loss);
  return fmt::format("{:.4f} ({:.3f})", score.loss, score.accuracy);
}

}  // namespace

std::string pace_text(double steps_per_second) {
  if (steps_per_second == 0) return "0 steps/s";
  if (steps_per_second < 0.95) return fmt::format("{:.3g} s a step", 1 / steps_per_second);
  return fmt::format("{:.{}f} steps/s", steps_per_second, steps_per_second < 9.95 ? 1 : 0);
}

ProgressLine::ProgressLine(std::int64_t first, std::int64_t last, int threads)
    : first_step_(first), last_step_(last), threads_(threads) {}

void ProgressLine::evaluated(const train::Evaluation& evaluation, const train::Progress& progress) {
  latest_ = evaluation;
  if (progress.step == first_step_) line_.show(line(progress.step));
}

void ProgressLine::stepped(const train::StateView& run) {
  threads_ = run.threads();
  if (line_.due()) line_.show(line(run.progress().step));
}

void ProgressLine::ended(train::Outcome, const train::StateView& run) {
  threads_ = run.threads();
  line_.finish(line(run.progress().step));
}

std::string ProgressLine::line(std::int64_t step) const {
  const double elapsed = seconds(Clock::now() - start_);
  const auto done = static_cast<double>(step - first_step_);
  const double rate = elapsed > 0 ? done / elapsed : 0;
  const auto left = static_cast<double>(last_step_ - step);
  std::string scores = "train " + score_text(latest_.train);
  for (std::size_t i = 0; i < task::evaluation_sets.size(); ++i) {
    const task::EvaluationSet& set = task::evaluation_sets.at(i);
    if (set.role == task::Role::none) continue;
    scores += fmt::format("  {} {}", set.title, score_text(latest_.sets.at(i)));
  }
  return fmt::format("step {}/{}  {}  {} on {} thread{}  {}", step, last_step_, scores,
                     pace_text(rate), threads_, threads_ == 1 ? "" : "s",
                     rate > 0 ? duration_text(left / rate) + " left" : "starting");
}

}  // namespace icl::cli
