#include "icl/cli/status_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "icl/core/message.hpp"

namespace icl::cli {
namespace {

bool no_color() {
  const char* value = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && *value != '\0';
}

bool is_terminal() {
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  const std::string_view kind = terminal == nullptr ? "" : terminal;
  return isatty(STDERR_FILENO) == 1 && !kind.empty() && kind != "dumb";
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = std::llround(seconds);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

StatusLine::StatusLine() : terminal_(is_terminal()), colour_(terminal_ && !no_color()) {}

StatusLine::~StatusLine() { end_drawn_line(); }

void StatusLine::show(const std::string& text) {
  constexpr auto redraw = std::chrono::milliseconds(200);
  constexpr auto plain = std::chrono::minutes(1);
  if (terminal_) {
    // Without line wrap (?7l), so that a narrow terminal cuts the line and does not scroll.
    draw(fmt::format("\r\x1b[?7l{}{}{}\x1b[K\x1b[?7h", colour_ ? "\x1b[36m" : "", printable(text),
                     colour_ ? "\x1b[0m" : ""));
  } else {
    note(text);
  }
  next_ = Clock::now() + (terminal_ ? Clock::duration(redraw) : Clock::duration(plain));
}

void StatusLine::finish(const std::string& text) {
  if (terminal_) show(text);
  end_drawn_line();
}

}  // namespace icl::cli
