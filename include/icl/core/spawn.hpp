#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What starting another process takes.
namespace icl {

/// A pipe whose ends close themselves, are not inherited, and are none of 0, 1 and 2, which stay
/// what they are, or closed. Error(resources or io) if none is to be had.
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  /// -1 once closed or released.
  [[nodiscard]] int read_end() const { return ends_[0]; }
  [[nodiscard]] int write_end() const { return ends_[1]; }
  void close_read_end() { close_end(0); }
  void close_write_end() { close_end(1); }
  [[nodiscard]] int release_read_end() { return std::exchange(ends_[0], -1); }

 private:
  void close_end(std::size_t end);
  std::array<int, 2> ends_{-1, -1};
};

/// Our environment with some variables set, "NAME=VALUE" each.
[[nodiscard]] std::vector<std::string> environment_with(
    std::span<const std::pair<std::string, std::string>> variables);

/// What posix_spawn takes for the strings, which must outlive it: their beginnings, then nullptr.
[[nodiscard]] std::vector<char*> pointers(std::vector<std::string>& strings);

/// Throws "cannot STEP: what errno `error` means", as Error(resources), which names the limits, or
/// as Error(io).
[[noreturn]] void fail_to(std::string_view step, int error);

}  // namespace icl
