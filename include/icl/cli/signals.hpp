#pragma once

#include <atomic>

namespace icl::cli {

/// From here on every signal that by default ends a process for no fault of its own (SIGINT,
/// SIGTERM, SIGQUIT, SIGHUP unless ignored, SIGUSR1, SIGUSR2, SIGXCPU, the clocks' and the
/// real-time ones; not SIGPIPE) ends this one at once, whatever it does, with
/// ExitCode::interrupted and with what is perishable removed (see core/abrupt_end); a publication
/// is let come to its end. A handler that was there before stays. SIGCHLD, which may be inherited
/// as ignored, gets its default. Where the soft limit of CPU time is as high as the hard one, at
/// which the kernel kills without a signal that could be obeyed, it is drawn back by a twentieth,
/// from 1 s to 30 s, for SIGXCPU to come.
void end_on_signals();

/// What it then says, a whole line that lives as long as the program: default "icl: interrupted".
void say_when_ended(const char* line);

/// What a second SIGINT, SIGTERM or SIGQUIT does, half a second or more after the first signal.
enum class SecondSignal { ends_at_once, is_ignored };

/// While it lives, these signals set `stop_requested` in place of ending the process. If it has not
/// said acknowledge_stop() one and a half seconds later, it ends as it would without. One at a
/// time.
class SignalGuard {
 public:
  explicit SignalGuard(SecondSignal second = SecondSignal::ends_at_once);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  [[nodiscard]] static const std::atomic<bool>& stop_requested();
};

/// The stop was seen, and what is left to do (to publish) takes the time that it takes.
void acknowledge_stop();

/// Has this process sent SIGTERM when the process `parent`, which started it, ends; at once if it
/// has ended already.
void stop_with(int parent);

}  // namespace icl::cli
