#include "icl/store/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "icl/core/error.hpp"
#include "icl/store/lock.hpp"

namespace icl::store {
namespace {

/// Where process numbers mean the same: host, boot and namespace of process numbers, as one word.
/// Two containers on one host may see neither each other's processes nor another host name.
struct ProcessSpace {
  std::string host;
  std::string boot;             ///< empty where /proc does not tell it
  std::uint64_t processes = 0;  ///< 0 likewise

  [[nodiscard]] std::string text() const { return fmt::format("{}/{}/{}", host, boot, processes); }
  [[nodiscard]] bool known() const { return !boot.empty() && processes != 0; }
};

ProcessSpace process_space() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  ProcessSpace space;
  space.host = name.data();
  if (space.host.empty()) space.host = "?";
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  file >> space.boot;
  struct stat status {};
  if (::stat("/proc/self/ns/pid", &status) == 0) space.processes = status.st_ino;
  return space;
}

/// State (field 3) and start (field 22) of /proc/PID/stat; the start, in clock ticks since boot,
/// tells a process from a later one of the same number.
struct ProcessStatus {
  std::string state;
  std::string started;
};

std::optional<ProcessStatus> status_of_process(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  const std::string stat((std::istreambuf_iterator<char>(file)), {});
  const auto name_end = stat.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  ProcessStatus status;
  fields >> status.state;
  for (int i = 4; i <= 22; ++i) fields >> status.started;
  return fields ? std::optional(status) : std::nullopt;
}

std::optional<Holder> parse_holder(const std::string& text) {
  std::istringstream in(text);
  Holder holder;
  std::array<std::string, 3> keys;
  in >> keys[0] >> holder.space >> keys[1] >> holder.process >> keys[2] >> holder.started;
  const bool whole = in && text.ends_with('\n');
  const bool ours = keys == std::array<std::string, 3>{"host", "pid", "started"};
  return whole && ours && holder.process > 0 ? std::optional(holder) : std::nullopt;
}

/// Whether a text is the beginning of a lock's: its process may be writing it, or have ended in the
/// middle, or the machine (which may leave zeros).
bool is_unfinished(std::string_view text) {
  constexpr std::string_view beginning = "host ";
  const bool zeros = text.find_first_not_of('\0') == std::string_view::npos;
  return zeros || text.starts_with(beginning) || beginning.starts_with(text);
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISLNK(mode)) return "a symbolic link";
  return "a device";
}

[[noreturn]] void is_no_lock(const Place& place, std::string_view what) {
  throw Error(
      ExitCode::cannot_create,
      fmt::format("'{}' is no lock file of icl, but {}; it has to be moved away before '{}' "
                  "can be written",
                  place.lock_path().native(), what, place.given().native()));
}

[[noreturn]] void cannot_look(const Place& place, int error) {
  throw Error(ExitCode::io,
              fmt::format("cannot look at the lock file '{}': {}", place.lock_path().native(),
                          std::generic_category().message(error)));
}

/// The text of a lock; nothing if we may not read it. Error(cannot_create) if it is too long.
std::optional<std::string> read_text(const Place& place, int file) {
  constexpr std::size_t longest = 4096;
  std::string text(longest + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got =
        uninterrupted([&] { return ::read(file, text.data() + size, text.size() - size); });
    if (got < 0) cannot_look(place, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > longest) is_no_lock(place, "a longer file");
  text.resize(size);
  return text;
}

timespec file_system_now(const Place& place) {
  struct stat status {};
  const std::string name = place.draft_name();
  Descriptor probe(::openat(place.folder(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  const bool nameless = probe.number() >= 0;
  if (!nameless) {
    probe = Descriptor(
        ::openat(place.folder(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  }
  // Touched as a heartbeat touches a lock.
  const bool known = probe.number() >= 0 && ::futimens(probe.number(), nullptr) == 0 &&
                     ::fstat(probe.number(), &status) == 0;
  if (!nameless && probe.number() >= 0) ::unlinkat(place.folder(), name.c_str(), 0);
  timespec now = status.st_mtim;
  if (!known) ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

constexpr std::chrono::seconds watch = OutputLock::heartbeat * 3 / 2;

/// Whether nobody touches a lock while we look, for longer than a heartbeat.
bool stays_untouched(const Place& place, const LockFile& lock, const std::atomic<bool>* stop) {
  constexpr std::chrono::milliseconds step{100};
  const auto end = std::chrono::steady_clock::now() + watch;
  while (std::chrono::steady_clock::now() < end) {
    if (stop != nullptr && stop->load()) return false;
    std::this_thread::sleep_for(step);
    const auto now = look_at_lock(place);
    if (!now || now->state != lock.state) return false;
  }
  return true;
}

}  // namespace

std::string lock_text() {
  const auto status = status_of_process(::getpid());
  return fmt::format("host {}\npid {}\nstarted {}\n", process_space().text(), ::getpid(),
                     status ? status->started : "?");
}

std::optional<LockFile> look_at_lock(const Place& place) {
  const std::string name = place.lock_name();
  struct stat status {};
  // Looked at before it is opened: opening a device or a pipe may do something.
  if (::fstatat(place.folder(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    cannot_look(place, errno);
  }
  if (!S_ISREG(status.st_mode)) is_no_lock(place, kind_of(status.st_mode));
  const Descriptor file(uninterrupted([&] {
    return ::openat(place.folder(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  }));
  LockFile lock;
  if (file.number() >= 0) {
    if (::fstat(file.number(), &status) != 0) cannot_look(place, errno);
    if (!S_ISREG(status.st_mode)) is_no_lock(place, kind_of(status.st_mode));
    lock.text = read_text(place, file.number());
    lock.holder = parse_holder(*lock.text);
    if (!lock.holder && !is_unfinished(*lock.text)) is_no_lock(place, "a file of something else");
  } else if (errno == ENOENT) {
    return std::nullopt;
  } else if (errno != EACCES) {
    cannot_look(place, errno);
  }
  lock.state = {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                status.st_mtim.tv_nsec};
  lock.user = status.st_uid;
  return lock;
}

bool has_ended(const LockFile& lock) {
  const ProcessSpace here = process_space();
  if (!lock.holder || !here.known() || lock.holder->space != here.text()) return false;
  // This sees those too that are hidden from us in /proc.
  if (::kill(lock.holder->process, 0) != 0 && errno == ESRCH) return true;
  const auto status = status_of_process(lock.holder->process);
  if (!status) return false;
  if (status->state == "Z" || status->state == "X") return true;
  return lock.holder->started != "?" && status->started != lock.holder->started;
}

double seconds_since_touched(const Place& place, const LockFile& lock) {
  const timespec now = file_system_now(place);
  return static_cast<double>(now.tv_sec - lock.state.seconds) +
         1e-9 * static_cast<double>(now.tv_nsec - lock.state.nanoseconds);
}

std::optional<std::string> cause_of_death(const Place& place, const LockFile& lock,
                                          const std::atomic<bool>* stop,
                                          const std::function<void(const std::string&)>& tell) {
  if (has_ended(lock)) {
    return fmt::format("process {} on this host has ended", lock.holder->process);
  }
  constexpr double patience = std::chrono::duration<double>(OutputLock::patience).count();
  const double age = seconds_since_touched(place, lock);
  if (std::abs(age) <= patience) return std::nullopt;
  const ProcessSpace here = process_space();
  const bool our_clock =
      !here.boot.empty() && lock.holder &&
      lock.holder->space.find(fmt::format("/{}/", here.boot)) != std::string::npos;
  if (age > 0 && (our_clock || !lock.holder)) {
    return fmt::format("it was not touched for {:.0f} s", age);
  }
  tell(
      fmt::format("its lock '{}' is that of {} and was last touched {:.0f} s {}: watching for {} s "
                  "whether it still is",
                  place.lock_path().native(), describe_holder(lock), std::abs(age),
                  age > 0 ? "ago" : "in the future", watch.count()));
  if (!stays_untouched(place, lock, stop)) return std::nullopt;
  return age > 0 ? fmt::format("it was not touched for {:.0f} s", age)
                 : fmt::format("its time is {:.0f} s in the future, and it is not touched", -age);
}

std::string describe_holder(const LockFile& lock) {
  if (lock.holder) {
    return fmt::format("process {} on host {}", lock.holder->process, lock.holder->host());
  }
  return fmt::format("a process of user {}", lock.user);
}

}  // namespace icl::store
