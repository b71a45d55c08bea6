#pragma once

#include <chrono>

namespace icl {

/// What durations are measured with: it never goes back.
using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace icl
