#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>

namespace icl {

/// Exit status of the program, after sysexits.h. Every Error carries the one that it ends in.
enum class ExitCode : int {
  done = 0,
  check_failed = 1,    ///< a check that the user asked for failed
  usage = 64,          ///< wrong command line or configuration
  bad_input = 65,      ///< an input file is not ours, damaged or malformed
  unavailable = 69,    ///< a program of the system is not there, or refused its work
  internal = 70,       ///< a fault of this program
  resources = 71,      ///< the machine lacks memory, threads or descriptors
  cannot_create = 73,  ///< the output exists already, or cannot be created
  io = 74,             ///< reading or writing failed
  interrupted = 75,    ///< stopped by a signal; the published file is whole
  diverged = 80,       ///< the loss stopped being finite
};

/// The status for a system call that failed: `resources` for what the machine lacks, else io.
[[nodiscard]] inline ExitCode code_of_errno(int error) noexcept {
  const bool lacks = error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN;
  return lacks ? ExitCode::resources : ExitCode::io;
}

/// An error that a user, a file or the machine caused. The message stands on its own: it names the
/// field or file, the value and the bound. Faults of the program are assertions, not Errors.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message)
      : std::runtime_error(without_zero(message)), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  /// what() would end at a byte of 0.
  static std::string without_zero(std::string text) {
    for (std::size_t at = 0; (at = text.find('\0', at)) != std::string::npos; at += 4) {
      text.replace(at, 1, "\\x00");
    }
    return text;
  }
  ExitCode code_;
};

}  // namespace icl
