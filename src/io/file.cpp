#include "icl/io/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "icl/core/error.hpp"

namespace icl::io {
namespace {

namespace fs = std::filesystem;

std::string describe(int error) { return std::generic_category().message(error); }

/// Repeats a system call that signals interrupt.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

  /// Closes it now: on network file systems this is where a failed write shows. Returns errno or 0.
  int close() {
    // Linux gives the descriptor back even when it reports EINTR.
    return ::close(std::exchange(number_, -1)) == 0 || errno == EINTR ? 0 : errno;
  }

 private:
  int number_;
};

// ---- Reading ----

[[noreturn]] void cannot_read(const fs::path& path, int error) {
  constexpr std::array machine = {EIO, EMFILE, ENFILE, ENOMEM, ESTALE, ENXIO, ETIMEDOUT};
  const bool is_machine = std::find(machine.begin(), machine.end(), error) != machine.end();
  throw Error(is_machine ? ExitCode::io : ExitCode::bad_input,
              fmt::format("cannot read '{}': {}", path.native(), describe(error)));
}

struct OpenFile {
  Descriptor descriptor;
  std::uint64_t bytes;
};

OpenFile open_to_read(const fs::path& path) {
  // Without O_NONBLOCK, opening a pipe would wait for its other end.
  Descriptor descriptor(
      uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  struct stat status {};
  if (descriptor.number() < 0 || ::fstat(descriptor.number(), &status) != 0) {
    cannot_read(path, errno);
  }
  if (S_ISDIR(status.st_mode)) cannot_read(path, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ExitCode::bad_input,
                fmt::format("cannot read '{}': it is not a regular file", path.native()));
  }
  return {std::move(descriptor), static_cast<std::uint64_t>(status.st_size)};
}

/// Fills `bytes` from the descriptor; returns how many there were before the end of the file.
std::size_t read_up_to(const Descriptor& descriptor, std::span<std::byte> bytes,
                       const fs::path& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = uninterrupted(
        [&] { return ::read(descriptor.number(), bytes.data() + done, bytes.size() - done); });
    if (got < 0) cannot_read(path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// ---- Publishing ----

[[noreturn]] void cannot_write(const fs::path& path, std::string_view step, int error) {
  throw Error(ExitCode::io,
              fmt::format("cannot write '{}': {} ({})", path.native(), describe(error), step));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// What names of temporary files of this target begin with on this host.
std::string temporary_prefix(const fs::path& path) {
  std::array<char, 33> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format(".{}.tmp-{}-", path.filename().native(), host.data());
}

/// The process that a temporary file belongs to, or 0 if the name is not prefix + PID + '-' + 8
/// digits.
pid_t owner(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  pid_t process = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
  name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  const bool well_formed = error == std::errc() && name.size() == 9 && name.front() == '-' &&
                           name.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
  return well_formed && process > 0 ? process : 0;
}

/// Removes what killed processes left. Own leftovers too: a restarted container gives the same PID.
/// Best effort: what cannot be removed stays.
void remove_leftovers(int folder, const std::string& prefix) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), &::closedir);
  if (!entries) {
    if (copy >= 0) ::close(copy);
    return;
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    const pid_t process = owner(entry->d_name, prefix);
    if (process == 0) continue;
    const bool dead = ::kill(process, 0) != 0 && errno == ESRCH;
    if (dead || process == ::getpid()) ::unlinkat(folder, entry->d_name, 0);
  }
}

/// A new file in a folder, which takes its name with it unless it was renamed.
class Temporary {
 public:
  Temporary(const Descriptor& folder, const fs::path& target)
      : folder_(folder.number()), descriptor_(-1) {
    remove_leftovers(folder_, temporary_prefix(target));
    name_ = temporary_path(target).filename().native();
    descriptor_ = Descriptor(uninterrupted([&] {
      return ::openat(folder_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }));
    if (descriptor_.number() < 0) cannot_write(target, "creating a temporary file", errno);
  }
  ~Temporary() {
    if (!renamed_) ::unlinkat(folder_, name_.c_str(), 0);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  Temporary(Temporary&&) = delete;
  Temporary& operator=(Temporary&&) = delete;

  void write(std::span<const std::byte> bytes, const fs::path& target) {
    while (!bytes.empty()) {
      const ssize_t written =
          uninterrupted([&] { return ::write(descriptor_.number(), bytes.data(), bytes.size()); });
      if (written < 0) cannot_write(target, "writing", errno);
      if (written == 0) cannot_write(target, "writing", ENOSPC);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Brings the file to disk and gives it the target's name.
  void commit(const fs::path& target) {
    if (uninterrupted([&] { return ::fsync(descriptor_.number()); }) != 0) {
      cannot_write(target, "syncing to disk", errno);
    }
    if (const int error = descriptor_.close(); error != 0) cannot_write(target, "closing", error);
    if (::renameat(folder_, name_.c_str(), folder_, target.filename().c_str()) != 0) {
      cannot_write(target, "renaming the temporary file", errno);
    }
    renamed_ = true;
  }

 private:
  int folder_;
  Descriptor descriptor_;
  std::string name_;
  bool renamed_ = false;
};

}  // namespace

fs::path temporary_path(const fs::path& target) {
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != ssize_t{sizeof random}) {
    cannot_write(target, "choosing the name of a temporary file", errno);
  }
  return folder_of(target) /
         fmt::format("{}{}-{:08x}", temporary_prefix(target), ::getpid(), random);
}

std::vector<std::byte> read_file(const fs::path& path) {
  const OpenFile file = open_to_read(path);
  std::vector<std::byte> bytes(file.bytes);
  bytes.resize(read_up_to(file.descriptor, bytes, path));
  return bytes;
}

FileHead read_head(const fs::path& path, std::size_t max_bytes) {
  const OpenFile file = open_to_read(path);
  std::vector<std::byte> bytes(std::min<std::uint64_t>(file.bytes, max_bytes));
  bytes.resize(read_up_to(file.descriptor, bytes, path));
  return {std::move(bytes), file.bytes};
}

void publish_file(const fs::path& path, std::span<const std::span<const std::byte>> parts) {
  struct stat status {};
  if (!path.has_filename() || (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) {
    cannot_write(path, "looking at the target", EISDIR);
  }
  const Descriptor folder(uninterrupted(
      [&] { return ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (folder.number() < 0) cannot_write(path, "opening its folder", errno);
  Temporary temporary(folder, path);
  for (const std::span<const std::byte> part : parts) temporary.write(part, path);
  temporary.commit(path);
  // EINVAL: a file system that has no such thing as syncing a folder.
  if (uninterrupted([&] { return ::fsync(folder.number()); }) != 0 && errno != EINVAL) {
    cannot_write(path, "syncing its folder", errno);
  }
}

void publish_file(const fs::path& path, std::span<const std::byte> bytes) {
  publish_file(path, {&bytes, 1});
}

void check_creatable(const fs::path& path) {
  const auto refuse = [&](std::string_view reason) {
    throw Error(ExitCode::cannot_create,
                fmt::format("cannot create '{}': {}", path.native(), reason));
  };
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!path.has_filename() || (exists && S_ISDIR(status.st_mode))) {
    refuse("it is a folder, not a file");
  }
  if (exists && !S_ISREG(status.st_mode)) refuse("it is no regular file");
  const fs::path folder = folder_of(path);
  if (::stat(folder.c_str(), &status) != 0) {
    refuse(errno == ENOENT ? fmt::format("the folder '{}' does not exist", folder.native())
                           : fmt::format("folder '{}': {}", folder.native(), describe(errno)));
  }
  if (!S_ISDIR(status.st_mode)) refuse(fmt::format("'{}' is not a folder", folder.native()));
  if (::faccessat(AT_FDCWD, folder.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
    refuse(fmt::format("folder '{}': {}", folder.native(), describe(errno)));
  }
}

}  // namespace icl::io
