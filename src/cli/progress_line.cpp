#include "icl/cli/progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace icl::cli {
namespace {

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

bool no_color() {
  const char* value = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && *value != '\0';
}

bool is_terminal() {
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
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

ProgressLine::ProgressLine(std::int64_t first, std::int64_t last)
    : first_step_(first),
      last_step_(last),
      terminal_(is_terminal()),
      colour_(terminal_ && !no_color()) {}

ProgressLine::~ProgressLine() {
  if (line_open_) std::fputs("\n", stderr);
}

void ProgressLine::evaluated(const train::Evaluation& evaluation, const train::Progress& progress) {
  latest_ = evaluation;
  if (progress.step == first_step_) show(progress.step);
}

void ProgressLine::stepped(const train::Progress& progress, std::span<const nn::Parameter* const>) {
  if (Clock::now() >= next_) show(progress.step);
}

void ProgressLine::ended(train::Outcome, const train::Progress& progress,
                         std::span<const nn::Parameter* const>) {
  if (!terminal_) return;
  show(progress.step);
  std::fputs("\n", stderr);
  line_open_ = false;
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
    // Without line wrap (?7l), so that a narrow terminal cuts the line and does not scroll.
    fmt::print(stderr, "\r\x1b[?7l{}{}{}\x1b[K\x1b[?7h", colour_ ? "\x1b[36m" : "", line(step),
               colour_ ? "\x1b[0m" : "");
    line_open_ = true;
  } else {
    fmt::print(stderr, "{}\n", line(step));
  }
  std::fflush(stderr);
  next_ = Clock::now() + (terminal_ ? Clock::duration(redraw) : Clock::duration(plain));
}

}  // namespace icl::cli
