#include "icl/core/spawn.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "icl/core/error.hpp"

namespace icl {
namespace {

constexpr int first_free_descriptor = 3;

}  // namespace

Pipe::Pipe() {
  bool made = pipe2(ends_.data(), O_CLOEXEC) == 0;
  for (int& end : ends_) {
    if (!made || end >= first_free_descriptor) continue;
    const int higher = fcntl(end, F_DUPFD_CLOEXEC, first_free_descriptor);
    made = higher >= 0;
    const int error = errno;
    close(std::exchange(end, higher));
    errno = error;
  }
  if (made) return;
  const int error = errno;
  close_read_end();
  close_write_end();
  fail_to("make a pipe", error);
}

Pipe::~Pipe() {
  close_read_end();
  close_write_end();
}

void Pipe::close_end(std::size_t end) {
  if (ends_.at(end) >= 0) close(std::exchange(ends_.at(end), -1));
}

std::vector<std::string> environment_with(
    std::span<const std::pair<std::string, std::string>> variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto name = text.substr(0, text.find('='));
    if (std::ranges::none_of(variables, [&](const auto& v) { return v.first == name; })) {
      all.emplace_back(text);
    }
  }
  for (const auto& [name, value] : variables) {
    all.emplace_back(name).append(1, '=').append(value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  all.reserve(strings.size() + 1);
  for (std::string& string : strings) all.push_back(string.data());
  all.push_back(nullptr);
  return all;
}

void fail_to(std::string_view step, int error) {
  const ExitCode code = code_of_errno(error);
  throw Error(code, "cannot " + std::string(step) + ": " + std::strerror(error) +
                        (code == ExitCode::resources
                             ? " (limits: ulimit -u, -n and -v, and pids.max of the cgroup)"
                             : ""));
}

}  // namespace icl
