#pragma once

#include <atomic>

namespace icl::cli {

/// While it lives, SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 set `stop_requested` instead of ending the
/// process; a second signal ends it at once. One at a time.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  [[nodiscard]] static const std::atomic<bool>& stop_requested();
};

/// A write past `ulimit -f` becomes an error of that write, not the end of the process.
void ignore_file_size_signal();

}  // namespace icl::cli
