#include "icl/sweep/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <vector>

#include "icl/core/error.hpp"
#include "icl/core/spawn.hpp"

namespace icl::sweep {
namespace {

constexpr const char* own_program = "/proc/self/exe";
constexpr const char* no_output = "/dev/null";

/// A text as a file without a name, to be read from its beginning. (A pipe holds 64 KiB, or 4 where
/// a user has many, and who writes more waits for ever.)
class InputFile {
 public:
  explicit InputFile(std::string_view text) : number_(memfd_create("icl input", MFD_CLOEXEC)) {
    if (number_ < 0) fail_to("make a file in memory", errno);
    while (!text.empty()) {
      const ssize_t written = write(number_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        const int error = errno;
        close(number_);
        fail_to("write to a file in memory", error);
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    lseek(number_, 0, SEEK_SET);
  }
  ~InputFile() { close(number_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// Whether a process of ours that used so much got SIGXCPU.
bool has_spent_cpu_time(const rusage& used) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime) >= static_cast<double>(limit.rlim_cur);
}

/// What the child's descriptors 0, 1 and 2 are.
class Actions {
 public:
  Actions(int input, int error) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, no_output, O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, error, STDERR_FILENO);
  }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

void require_children() {
  for (const char* const path : {own_program, no_output, ChildProcess::standard_input}) {
    struct stat found {};
    if (lstat(path, &found) == 0) continue;
    throw Error(ExitCode::io,
                fmt::format("a sweep starts this program once for each run and needs '{}' for "
                            "that: {}; mount /proc and /dev where it is to run",
                            path, std::strerror(errno)));
  }
}

ChildProcess::ChildProcess(std::span<const std::string> arguments,
                           std::span<const std::pair<std::string, std::string>> environment,
                           const std::string& input) {
  const InputFile in(input);
  Pipe error;

  std::vector<std::string> words{"icl"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment_with(environment);
  const Actions actions(in.number(), error.write_end());
  // The very program that runs here, even if its file has been replaced since.
  const int failed = posix_spawn(&pid_, own_program, actions.get(), nullptr, pointers(words).data(),
                                 pointers(variables).data());
  if (failed != 0) {
    pid_ = -1;
    fail_to("start a process", failed);
  }
  error_ = error.release_read_end();
  fcntl(error_, F_SETFL, O_NONBLOCK);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      error_(std::exchange(other.error_, -1)),
      output_(std::move(other.output_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(error_, other.error_);
  std::swap(output_, other.output_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (error_ >= 0) close(error_);
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool ChildProcess::take_output() {
  constexpr std::size_t most_kept = 4096;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = read(error_, part.data(), part.size());
    if (got == 0) return false;
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN;
    }
    output_.append(part.data(), static_cast<std::size_t>(got));
    if (output_.size() > most_kept) output_.erase(0, output_.size() - most_kept);
  }
}

std::string ChildProcess::last_line() const {
  std::string_view text = output_;
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::size_t at = text.rfind('\n');
  if (at != std::string_view::npos) text.remove_prefix(at + 1);
  constexpr std::string_view program = "icl: ";
  if (text.starts_with(program)) text.remove_prefix(program.size());
  return std::string(text);
}

void ChildProcess::send(int signal) const {
  if (pid_ >= 0) kill(pid_, signal);
}

Exit ChildProcess::wait() {
  int status = 0;
  rusage used = {};
  pid_t ended = 0;
  do {
    ended = wait4(pid_, &status, 0, &used);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  if (ended < 0) fail_to("wait for a process", errno);
  const bool spent = has_spent_cpu_time(used);
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status), spent};
  return {WEXITSTATUS(status), 0, spent};
}

}  // namespace icl::sweep
