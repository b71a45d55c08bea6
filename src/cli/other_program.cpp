#include "icl/cli/other_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "icl/cli/signals.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/error.hpp"
#include "icl/core/spawn.hpp"

namespace icl::cli {
namespace {

/// What a program writes to one of its streams.
class Capture {
 public:
  Capture() { fcntl(pipe_.read_end(), F_SETFL, O_NONBLOCK); }

  [[nodiscard]] int write_end() const { return pipe_.write_end(); }
  [[nodiscard]] pollfd waiting() const { return {pipe_.read_end(), POLLIN, 0}; }
  void started() { pipe_.close_write_end(); }
  /// What there is by now.
  void take() {
    constexpr std::size_t most_kept = std::size_t{1} << 20U;
    std::array<char, 4096> part{};
    while (pipe_.read_end() >= 0) {
      const ssize_t got = read(pipe_.read_end(), part.data(), part.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return pipe_.close_read_end();
      text_.append(part.data(), static_cast<std::size_t>(got));
      if (text_.size() > 2 * most_kept) text_.erase(0, text_.size() - most_kept);
    }
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  Pipe pipe_;
  std::string text_;
};

pid_t start(std::vector<std::string>& words, std::vector<std::string>& variables, int output,
            int complaints) {
  posix_spawn_file_actions_t streams;
  posix_spawn_file_actions_init(&streams);
  posix_spawn_file_actions_addopen(&streams, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&streams, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&streams, complaints, STDERR_FILENO);
  // What prepare_streams() made this process ignore is not for others.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGTTOU}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t process = -1;
  const int error = posix_spawnp(&process, words.front().c_str(), &streams, &attributes,
                                 pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&streams);
  if (error == 0) return process;
  const std::string step = fmt::format("run '{}'", words.front());
  if (code_of_errno(error) == ExitCode::resources) fail_to(step, error);
  throw Error(ExitCode::unavailable, fmt::format("cannot {}: {}", step, std::strerror(error)));
}

/// Whether it has ended; how, in `status`.
bool has_ended(pid_t process, int& status, const std::string& name) {
  const pid_t ended = waitpid(process, &status, WNOHANG);
  if (ended < 0 && errno != EINTR) {
    throw Error(ExitCode::io, fmt::format("cannot wait for '{}': {}", name, std::strerror(errno)));
  }
  return ended == process;
}

}  // namespace

ProgramEnd run_program(std::vector<std::string> words,
                       std::span<const std::pair<std::string, std::string>> environment) {
  std::vector<std::string> variables = environment_with(environment);
  constexpr int look_ms = 20;
  constexpr std::chrono::seconds patience{1};
  const SignalGuard signals;
  Capture output;
  Capture complaints;
  const pid_t process = start(words, variables, output.write_end(), complaints.write_end());
  output.started();
  complaints.started();
  std::optional<Clock::time_point> told;
  int status = 0;
  while (!has_ended(process, status, words.front())) {
    std::array<pollfd, 2> waiting{output.waiting(), complaints.waiting()};
    (void)poll(waiting.data(), waiting.size(), look_ms);
    output.take();
    complaints.take();
    if (SignalGuard::stop_requested() && !told) {
      acknowledge_stop();
      told = Clock::now();
      kill(process, SIGTERM);
    } else if (told && Clock::now() - *told > patience) {
      kill(process, SIGKILL);
    }
  }
  if (SignalGuard::stop_requested()) throw Error(ExitCode::interrupted, "interrupted");
  // What it started in turn may hold the streams open for longer: nobody waits for that.
  output.take();
  complaints.take();
  return {status, std::move(output).text(), std::move(complaints).text()};
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string end_text(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exit status {}", WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  return fmt::format("signal {} ({})", signal, strsignal(signal));
}

}  // namespace icl::cli
