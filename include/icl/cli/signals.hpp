#pragma once

#include <atomic>

namespace icl::cli {

/// What a second signal does.
enum class SecondSignal { ends_at_once, is_ignored };

/// While it lives, SIGINT, SIGTERM, SIGHUP (unless ignored), SIGUSR1 and SIGUSR2 set
/// `stop_requested` instead of ending the process. One at a time.
class SignalGuard {
 public:
  explicit SignalGuard(SecondSignal second = SecondSignal::ends_at_once);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  [[nodiscard]] static const std::atomic<bool>& stop_requested();
};

/// Has this process sent SIGTERM when the process `parent`, which started it, ends; at once if it
/// has ended already.
void stop_with(int parent);

/// A write past `ulimit -f` becomes an error of that write, not the end of the process.
void ignore_file_size_signal();

}  // namespace icl::cli
