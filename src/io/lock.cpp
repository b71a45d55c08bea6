#include "icl/io/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "icl/core/error.hpp"
#include "icl/io/file.hpp"

namespace icl::io {
namespace {

namespace fs = std::filesystem;

/// Where process numbers mean the same: host, boot and namespace of process numbers, as one word.
/// Two containers on one host may see neither each other's processes nor another host name.
std::string process_space() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  file >> boot;
  struct stat space = {};
  const bool known = stat("/proc/self/ns/pid", &space) == 0;
  return fmt::format("{}/{}/{}", name.data(), boot, known ? space.st_ino : 0);
}

/// Field 22 of /proc/PID/stat: when the process started, in clock ticks since boot; together with
/// the boot it tells a process from a later one of the same number. Empty if there is no such
/// process.
std::string start_time(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string stat((std::istreambuf_iterator<char>(file)), {});
  const auto name_end = stat.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return "";
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return field;
}

std::string describe(const std::string& host, pid_t pid, const std::string& start) {
  return fmt::format("host {}\npid {}\nstarted {}\n", host, pid, start);
}

/// What a lock file says; nothing if it is gone.
std::optional<std::string> read_lock(const fs::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

struct Holder {
  std::string host;
  pid_t pid = 0;
  std::string started;
};

std::optional<Holder> parse(const std::string& text) {
  std::istringstream in(text);
  Holder holder;
  std::string host;
  std::string pid;
  std::string started;
  if (in >> host >> holder.host >> pid >> holder.pid >> started >> holder.started) return holder;
  return std::nullopt;
}

/// Seconds since the file was touched, by the clock of its own file system: that of `probe`, made
/// just now, since the clocks of two hosts may differ. Nothing if the file is gone.
std::optional<double> seconds_since_touched(const fs::path& path, const fs::path& probe) {
  const int fd = open(probe.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
  struct stat now = {};
  struct stat then = {};
  const bool probed = fd >= 0 && fstat(fd, &now) == 0;
  if (fd >= 0) close(fd);
  unlink(probe.c_str());
  if (!probed || stat(path.c_str(), &then) != 0) return std::nullopt;
  return static_cast<double>(now.st_mtim.tv_sec - then.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec);
}

/// Whether the process that a lock names lived here and has ended.
bool has_ended(const std::optional<Holder>& holder) {
  return holder && holder->host == process_space() && start_time(holder->pid) != holder->started;
}

/// Why a lock is dead; nothing while it may be alive.
std::optional<std::string> cause_of_death(const fs::path& path, const std::string& text,
                                          const fs::path& probe) {
  const auto holder = parse(text);
  if (has_ended(holder)) {
    return fmt::format("process {} on this host has ended", holder->pid);
  }
  const auto age = seconds_since_touched(path, probe);
  if (age && *age > std::chrono::duration<double>(OutputLock::patience).count()) {
    return fmt::format("it was not touched for {:.0f} s", *age);
  }
  return std::nullopt;
}

}  // namespace

OutputLock::OutputLock(const fs::path& output)
    : output_(output),
      path_(output.string() + ".lock"),
      owner_(describe(process_space(), getpid(), start_time(getpid()))) {
  acquire();
  heartbeat_ = std::thread([this] { beat(); });
}

OutputLock::~OutputLock() {
  {
    const std::scoped_lock guard(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  heartbeat_.join();
  if (read_lock(path_) == owner_) unlink(path_.c_str());
}

void OutputLock::check() const {
  if (read_lock(path_) == owner_) return;
  throw Error(ExitCode::cannot_create,
              fmt::format("'{}': its lock was taken over by another process; nothing more is "
                          "written to it from here",
                          output_.string()));
}

void OutputLock::acquire() {
  constexpr int attempts = 10;
  for (int i = 0; i < attempts; ++i) {
    if (try_create()) return;
    take_over_if_dead();
  }
  throw Error(ExitCode::cannot_create,
              fmt::format("'{}': other processes keep taking its lock", output_.string()));
}

bool OutputLock::try_create() const {
  // Written under another name first: so the lock file is never seen without its content.
  const std::string draft = temporary_path(output_).string();
  int fd = open(draft.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
  const auto fail = [&](const char* what) {
    const int cause = errno;
    if (fd >= 0) close(fd);
    unlink(draft.c_str());
    throw Error(ExitCode::io, fmt::format("cannot {} '{}': {}", what, draft, std::strerror(cause)));
  };
  if (fd < 0) fail("create");
  if (write(fd, owner_.data(), owner_.size()) != static_cast<ssize_t>(owner_.size())) fail("write");
  if (close(fd) != 0) {
    fd = -1;
    fail("close");
  }
  // link() makes the name only if it does not exist, and with its content: O_EXCL in effect.
  bool created = link(draft.c_str(), path_.c_str()) == 0;
  int cause = errno;
  unlink(draft.c_str());
  if (!created && (cause == EPERM || cause == EOPNOTSUPP || cause == ENOSYS)) {
    // A file system without hard links.
    const int exclusive = open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    cause = errno;
    created = exclusive >= 0;
    if (created) {
      const bool written = write(exclusive, owner_.data(), owner_.size()) > 0;
      close(exclusive);
      if (!written) throw Error(ExitCode::io, fmt::format("cannot write '{}'", path_.string()));
    }
  }
  if (!created && cause != EEXIST) {
    throw Error(ExitCode::io,
                fmt::format("cannot create '{}': {}", path_.string(), std::strerror(cause)));
  }
  return created;
}

void OutputLock::take_over_if_dead() const {
  const auto text = read_lock(path_);
  if (!text) return;
  const auto cause = cause_of_death(path_, *text, temporary_path(output_));
  if (!cause) {
    const auto holder = parse(*text);
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}' is being written by process {} on host {} (lock file '{}')",
                            output_.string(), holder ? holder->pid : 0, holder ? holder->host : "?",
                            path_.string()));
  }
  // Only one process can move a file away; if it was not the dead one, it is put back.
  const std::string grave = temporary_path(output_).string();
  if (rename(path_.c_str(), grave.c_str()) != 0) return;
  if (read_lock(grave) == text) {
    fmt::print(stderr, "icl: taking over the lock of '{}': {}\n", output_.string(), *cause);
  } else {
    (void)link(grave.c_str(), path_.c_str());
  }
  unlink(grave.c_str());
}

bool is_being_written(const fs::path& output) {
  const fs::path path = output.string() + ".lock";
  struct stat file = {};
  if (stat(path.c_str(), &file) != 0) return false;
  const auto text = read_lock(path);
  if (!text || has_ended(parse(*text))) return false;
  const auto age = std::chrono::system_clock::now() -
                   std::chrono::system_clock::from_time_t(file.st_mtim.tv_sec);
  return age < OutputLock::patience;
}

void OutputLock::beat() {
  std::unique_lock guard(mutex_);
  while (!stop_.wait_for(guard, heartbeat, [this] { return stopping_; })) {
    if (read_lock(path_) == owner_) utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
  }
}

}  // namespace icl::io
