#include "icl/store/isolated.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <new>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/core/spawn.hpp"
#include "icl/store/hdf5.hpp"

namespace icl::store {

/// What stands in front of each message.
struct Isolated::Frame {
  enum class Kind : std::uint32_t { message, error, done };
  Kind kind;
  std::int32_t code;  ///< ExitCode of an error
  std::uint64_t bytes;
};

namespace {

/// Bytes that this process has mapped; 0 if that cannot be told.
std::uint64_t mapped_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void allow_seconds(double seconds) {
  const double whole = std::floor(seconds);
  const itimerval timer{
      {}, {static_cast<time_t>(whole), static_cast<suseconds_t>((seconds - whole) * 1e6) + 1}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

/// Returns the limit that is in force then: it may have been lower.
std::uint64_t lower_limit(__rlimit_resource resource, std::uint64_t value) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return value;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, value);
  setrlimit(resource, &limit);
  return limit.rlim_cur;
}

/// Signals to stop reach the whole group; the parent decides what becomes of them, and ends the
/// child. All others do what they do by themselves.
void set_signals() {
  constexpr std::array stops{SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1,
                             SIGUSR2, SIGTSTP, SIGPIPE, SIGXFSZ, SIGALRM};
  for (int number = 1; number < NSIG; ++number) {
    const bool ignored = std::ranges::find(stops, number) != stops.end();
    signal(number, ignored ? SIG_IGN : SIG_DFL);  // NOLINT(cert-err33-c): some cannot be set
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// What the child does first. Returns the bytes that it may map: fewer than it is allowed if the
/// limit of this process (`ulimit -v`) is nearer.
std::uint64_t confine(const Allowance& allowance, pid_t parent) {
  set_signals();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  lower_limit(RLIMIT_CORE, 0);
  std::uint64_t bytes = allowance.bytes;
  if (const std::uint64_t now = mapped_bytes(); now > 0) {
    const std::uint64_t limit = lower_limit(RLIMIT_AS, now + allowance.bytes);
    bytes = limit - std::min(limit, now);
  }
  // What libraries say when they give up is for nobody.
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) {
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  allow_seconds(allowance.seconds);
  return bytes;
}

/// Ends the child if nobody reads any more.
void write_all(int pipe, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(pipe, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

template <class Frame>
void send_frame(int pipe, const Frame& frame, std::span<const std::byte> bytes) {
  write_all(pipe, std::as_bytes(std::span(&frame, 1)));
  write_all(pipe, bytes);
}

}  // namespace

Allowance allowance_for(std::uint64_t bytes) noexcept {
  constexpr double least_seconds = 0.5;
  constexpr double bytes_per_second = 20e6;
  constexpr std::uint64_t least_bytes = std::uint64_t{128} << 20U;
  constexpr std::uint64_t most = std::uint64_t{1} << 50U;
  return {least_seconds + static_cast<double>(bytes) / bytes_per_second,
          least_bytes + 8 * std::min(bytes, most)};
}

Isolated::Isolated(std::string name, Allowance allowance,
                   const std::function<void(const Send&)>& work)
    : name_(std::move(name)), allowance_(allowance) {
  Pipe pipe;
  const pid_t parent = getpid();
  pid_ = fork();  // NOLINT(*-prefer-member-initializer): the pipe comes first
  if (pid_ < 0) fail_to(fmt::format("start a process that reads '{}'", name_), errno);
  if (pid_ > 0) {
    pipe_ = pipe.release_read_end();
    return;
  }
  pipe.close_read_end();
  const std::uint64_t may_map = confine(allowance, parent);
  using Kind = Frame::Kind;
  const int out = pipe.write_end();
  const auto refuse = [&](ExitCode code, const std::string& message) {
    const auto text = std::as_bytes(std::span(message));
    send_frame(out, Frame{Kind::error, static_cast<std::int32_t>(code), text.size()}, text);
  };
  try {
    work([&](std::span<const std::byte> bytes) {
      send_frame(out, Frame{Kind::message, 0, bytes.size()}, bytes);
      allow_seconds(allowance.seconds);
    });
    send_frame(out, Frame{Kind::done, 0, 0}, {});
  } catch (const Error& error) {
    refuse(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    if (may_map < allowance.bytes) {
      refuse(ExitCode::resources,
             fmt::format("'{}': reading it takes more than the {} bytes that the limit on address "
                         "space (`ulimit -v`) leaves; up to {} are allowed for its size",
                         name_, may_map, allowance.bytes));
    } else {
      refuse(ExitCode::bad_input,
             fmt::format("'{}': reading it takes more than {} bytes of memory, which are plenty "
                         "for its size",
                         name_, allowance.bytes));
    }
  } catch (const std::exception& error) {
    refuse(ExitCode::internal, error.what());
  }
  _exit(0);
}

Isolated::~Isolated() { end(); }

/// CPU time that the child used [s].
double Isolated::end() {
  if (pipe_ >= 0) close(std::exchange(pipe_, -1));
  if (pid_ < 0) return 0;
  kill(pid_, SIGKILL);
  rusage used{};
  while (wait4(pid_, nullptr, 0, &used) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void Isolated::give_up(double waited) {
  const double used = end();
  throw Error(
      ExitCode::io,
      fmt::format("'{}': the process that reads it sent nothing for {:.3g} s and had {:.2g} s of "
                  "CPU time in all, of {:.2g} s that it may use; this says nothing about the file: "
                  "try again when the machine has less to do",
                  name_, waited, used, allowance_.seconds));
}

/// False if the child closed its end before all bytes came.
bool Isolated::receive(std::span<std::byte> bytes) {
  const double patience = allowance_.patience + 20 * allowance_.seconds;
  while (!bytes.empty()) {
    pollfd waiting{pipe_, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::min(patience * 1e3, 1e9)));
    if (ready == 0) give_up(patience);
    const ssize_t got = ready < 0 ? -1 : read(pipe_, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

std::optional<std::vector<std::byte>> Isolated::next() {
  if (pid_ < 0) return std::nullopt;
  Frame frame{};
  if (!receive(std::as_writable_bytes(std::span(&frame, 1)))) explain_death();
  std::vector<std::byte> bytes;
  // In parts: a length that is not true asks for no memory.
  constexpr std::uint64_t part = std::uint64_t{16} << 20U;
  while (bytes.size() < frame.bytes) {
    const std::size_t before = bytes.size();
    bytes.resize(before + std::min(frame.bytes - before, part));
    if (!receive(std::span(bytes).subspan(before))) explain_death();
  }
  if (frame.kind == Frame::Kind::message) return bytes;
  end();
  if (frame.kind == Frame::Kind::done) return std::nullopt;
  throw Error(static_cast<ExitCode>(frame.code),
              std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void Isolated::explain_death() {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  end();
  if (ended < 0) {
    throw Error(ExitCode::io, fmt::format("the process that read '{}' has ended, but how cannot be "
                                          "told: {}",
                                          name_, std::strerror(errno)));
  }
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGPROF || signal == SIGXCPU) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("'{}': reading it did not come to an end in {:.2g} s of CPU time, which "
                    "are plenty for its size",
                    name_, allowance_.seconds));
  }
  if (signal == SIGKILL) {
    throw Error(ExitCode::io,
                fmt::format("the process that read '{}' was killed (signal 9)", name_));
  }
  throw Error(
      ExitCode::bad_input,
      fmt::format("'{}': no file that HDF5 {} can read: reading it {}", name_, hdf5_version(),
                  signal > 0 ? fmt::format("ends in signal {} ({})", signal, strsignal(signal))
                             : std::string("ends the process that does it")));
}

void try_in_child(const std::string& name, Allowance allowance, const std::function<void()>& work) {
  Isolated child(name, allowance, [&](const Isolated::Send&) { work(); });
  while (child.next()) {
  }
}

}  // namespace icl::store
