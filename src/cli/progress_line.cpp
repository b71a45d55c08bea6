#include "icl/cli/progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace icl::cli {
namespace {

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

bool no_color() {
  const char* value = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && *value != '\0';
}

std::string score_text(const train::Score& score) {
  return std::isnan(score.loss) ? "-" : fmt::format("{:.4f} ({:.3f})", score.loss, score.accuracy);
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = std::llround(seconds);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

ProgressLine::ProgressLine(std::int64_t last_step)
    : last_step_(last_step),
      terminal_(isatty(STDERR_FILENO) == 1),
      colour_(terminal_ && !no_color()) {}

void ProgressLine::evaluated(const train::Evaluation& evaluation, const train::Progress& progress) {
  latest_ = evaluation;
  if (first_step_ < 0) {
    first_step_ = progress.step;
    start_ = Clock::now();
    show(progress.step);
  }
}

void ProgressLine::stepped(const train::Progress& progress, std::span<const nn::Parameter* const>) {
  if (Clock::now() >= next_) show(progress.step);
}

void ProgressLine::ended(train::Outcome, const train::Progress& progress,
                         std::span<const nn::Parameter* const>) {
  if (!terminal_) return;
  show(progress.step);
  fmt::print(stderr, "\n");
}

std::string ProgressLine::line(std::int64_t step) const {
  const double elapsed = seconds(Clock::now() - start_);
  const auto done = static_cast<double>(step - first_step_);
  const double rate = elapsed > 0 ? done / elapsed : 0;
  const auto left = static_cast<double>(last_step_ - step);
  return fmt::format("step {}/{}  train {}  ICL {}  IWL {}  {:.0f} steps/s  {}", step, last_step_,
                     score_text(latest_.train), score_text(latest_.icl), score_text(latest_.iwl),
                     rate, rate > 0 ? duration_text(left / rate) + " left" : "starting");
}

void ProgressLine::show(std::int64_t step) {
  constexpr auto redraw = std::chrono::milliseconds(200);
  constexpr auto plain = std::chrono::minutes(1);
  if (terminal_) {
    fmt::print(stderr, "\r{}{}{}\x1b[K", colour_ ? "\x1b[36m" : "", line(step),
               colour_ ? "\x1b[0m" : "");
  } else {
    fmt::print(stderr, "{}\n", line(step));
  }
  std::fflush(stderr);
  next_ = Clock::now() + (terminal_ ? Clock::duration(redraw) : Clock::duration(plain));
}

}  // namespace icl::cli
