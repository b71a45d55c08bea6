#pragma once

#include <string>

#include "icl/core/clock.hpp"

namespace icl::cli {

/// One line on standard error. On a terminal it is drawn anew several times a second (in colour
/// unless NO_COLOR is set); elsewhere a plain line is written once a minute.
class StatusLine {
 public:
  StatusLine();
  /// Ends the line, so that what is printed next stands on its own.
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// Whether it is time to show something new.
  [[nodiscard]] bool due() const { return Clock::now() >= next_; }
  void show(const std::string& text);
  /// Shows the last state on a terminal, and leaves it there.
  void finish(const std::string& text);

 private:
  bool terminal_;
  bool colour_;
  Clock::time_point next_ = Clock::time_point::min();
};

/// "1 h 05 min", "2 min 07 s", "9 s".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace icl::cli
