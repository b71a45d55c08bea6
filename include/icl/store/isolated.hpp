#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Work on bytes that others made, done in a process of its own. libhdf5 crashes, loops for ever or
/// asks for any amount of memory on files made for that; in a child of this process that ends the
/// child, and here it is an Error.
///
/// The child is a fork and no new program: it has what the parent has read already, costs well
/// under a millisecond where a start of the program costs ten, and works wherever this library is
/// linked (tests, fuzzers). It uses neither OpenMP nor threads, and ends without running what was
/// registered for the end of the process. glibc keeps malloc usable in a child, whatever other
/// threads were doing at the fork.
namespace icl::store {

/// What a child may use.
struct Allowance {
  /// Of CPU time until its end, or between one message and the next [s].
  double seconds;
  /// Of memory, beside what this process has mapped already.
  std::uint64_t bytes;
  /// Of time on the clock, likewise, beside 20 times the CPU time [s]: an honest file needs so much
  /// only where the machine gives the child next to no CPU time.
  double patience = 60;
};

/// Half a second and 128 MiB, and more in proportion to the bytes that are worked on.
[[nodiscard]] Allowance allowance_for(std::uint64_t bytes) noexcept;

/// A child process that does some work and sends messages. Owned by one thread.
class Isolated {
 public:
  /// What the work calls to send a message, of any length.
  using Send = std::function<void(std::span<const std::byte>)>;

  /// Starts the work. `name` stands for the file in messages. Error(resources) if there is no
  /// process, pipe or memory to be had, Error(io) if no process can be started for another reason.
  Isolated(std::string name, Allowance, const std::function<void(const Send&)>& work);
  /// Ends the child.
  ~Isolated();
  Isolated(const Isolated&) = delete;
  Isolated& operator=(const Isolated&) = delete;

  /// Waits for the next message; nothing once the work is done. An Error that the work throws is
  /// thrown here. Error(bad_input) if the child dies (by a signal of its own doing, or because it
  /// used up its CPU time or memory). Error(io), which says nothing about the file: it was killed
  /// from outside, its time on the clock ran out before its CPU time, or nobody tells how it ended
  /// (this process has SIGCHLD ignored, or another part of it waits for all children).
  [[nodiscard]] std::optional<std::vector<std::byte>> next();

 private:
  struct Frame;
  [[nodiscard]] bool receive(std::span<std::byte> bytes);
  [[noreturn]] void explain_death();
  [[noreturn]] void give_up(double waited);
  double end();

  std::string name_;
  Allowance allowance_;
  int pid_ = -1;
  int pipe_ = -1;
};

/// Does the work in a child, which sends nothing; returns once it is done. Errors as for next().
void try_in_child(const std::string& name, Allowance, const std::function<void()>& work);

}  // namespace icl::store
