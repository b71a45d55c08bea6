#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace icl::sweep {

/// How a process ended.
struct Exit {
  int status = 0;                ///< exit status, if no signal ended it
  int signal = 0;                ///< the signal that ended it, or 0
  bool out_of_cpu_time = false;  ///< it had used what `ulimit -t` (soft) gives to a process
};

/// Error(io) if this machine lacks what a ChildProcess needs: /proc and /dev, as in a bare chroot.
void require_children();

/// A process that runs this same program again, with a text as its standard input and its standard
/// error kept. (By posix_spawn: a fork after an OpenMP region hangs.) One that has not ended when
/// this object does gets SIGKILL.
class ChildProcess {
 public:
  /// The file under which the program finds its standard input.
  static constexpr const char* standard_input = "/dev/stdin";

  /// Starts the program with these arguments, and environment variables beside or in place of ours.
  /// Error(io) if the machine does not let us.
  ChildProcess(std::span<const std::string> arguments,
               std::span<const std::pair<std::string, std::string>> environment,
               const std::string& input);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// To poll: readable when the process has written something or has ended.
  [[nodiscard]] int descriptor() const { return error_; }
  /// Takes what the process has written; returns false once it has closed its standard error, as it
  /// does when it ends.
  [[nodiscard]] bool take_output();
  /// What it wrote last, without the program's name: at most a few kilobytes.
  [[nodiscard]] std::string last_line() const;

  void send(int signal) const;
  /// Waits for the end; once. Error(io) if somebody else has taken the news of it.
  Exit wait();

 private:
  pid_t pid_ = -1;  ///< -1 once waited for
  int error_ = -1;
  std::string output_;
};

}  // namespace icl::sweep
