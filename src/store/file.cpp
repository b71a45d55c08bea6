#include "icl/store/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/store/descriptor.hpp"
#include "icl/store/place.hpp"

namespace icl::store {
namespace {

namespace fs = std::filesystem;

std::string describe(int error) { return std::generic_category().message(error); }

// ---- Reading ----

[[noreturn]] void cannot_read(const fs::path& path, int error) {
  constexpr std::array lacking = {EMFILE, ENFILE, ENOMEM};
  constexpr std::array failing = {EIO, ESTALE, ENXIO, ETIMEDOUT, ENOSPC, EDQUOT};
  const auto is_one_of = [&](const auto& errors) {
    return std::ranges::find(errors, error) != errors.end();
  };
  throw Error(is_one_of(lacking)   ? ExitCode::resources
              : is_one_of(failing) ? ExitCode::io
                                   : ExitCode::bad_input,
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

}  // namespace

std::vector<std::byte> read_file(const fs::path& path) {
  const OpenFile file = open_to_read(path);
  std::vector<std::byte> bytes(file.bytes);
  bytes.resize(read_up_to(file.descriptor, bytes, path));
  return bytes;
}

MappedFile::MappedFile(const fs::path& path) {
  const OpenFile file = open_to_read(path);
  if (file.bytes == 0) return;
  void* const start =
      ::mmap(nullptr, file.bytes, PROT_READ, MAP_PRIVATE, file.descriptor.number(), 0);
  if (start == MAP_FAILED) cannot_read(path, errno);  // NOLINT(*-int-to-ptr, *-cstyle-cast)
  bytes_ = {static_cast<const std::byte*>(start), file.bytes};
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());  // NOLINT(*-const-cast)
}

FileHead read_head(const fs::path& path, std::size_t max_bytes) {
  const OpenFile file = open_to_read(path);
  std::vector<std::byte> bytes(std::min<std::uint64_t>(file.bytes, max_bytes));
  bytes.resize(read_up_to(file.descriptor, bytes, path));
  return {std::move(bytes), file.bytes};
}

FileEnds read_ends(const fs::path& path, std::size_t max_bytes) {
  const OpenFile file = open_to_read(path);
  FileEnds ends{{}, {}, file.bytes};
  ends.first.resize(std::min<std::uint64_t>(file.bytes, max_bytes));
  ends.last.resize(ends.first.size());
  ends.first.resize(read_up_to(file.descriptor, ends.first, path));
  const auto start = static_cast<off_t>(file.bytes - ends.last.size());
  if (::lseek(file.descriptor.number(), start, SEEK_SET) < 0) cannot_read(path, errno);
  ends.last.resize(read_up_to(file.descriptor, ends.last, path));
  return ends;
}

void make_folders(const fs::path& path) {
  const auto fail = [&](int error) {
    throw Error(ExitCode::cannot_create,
                fmt::format("cannot make the folder '{}': {}", path.native(), describe(error)));
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) fail(ENOTDIR);
  fs::path made;
  for (const fs::path& part : path) {
    made /= part;
    // A path that ends in a slash has an empty last part.
    const bool is_last = made == path || made / "" == path;
    const bool is_new = ::mkdir(made.c_str(), 0777) == 0;
    const int error = errno;
    if (!is_new && ::stat(made.c_str(), &status) != 0) fail(error);
    if (!is_new && !is_last) continue;
    // The last one's too if it was there: its maker may have been killed before it got to this.
    const Descriptor parent(uninterrupted(
        [&] { return ::open((made / "..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    const int sync_error = parent.number() < 0 ? errno : sync_folder(parent.number());
    if (sync_error != 0 && is_new && sync_error != EACCES) fail(sync_error);
  }
}

void check_creatable(const fs::path& path) {
  const auto refuse = [&](std::string_view reason) {
    throw Error(ExitCode::cannot_create,
                fmt::format("cannot create '{}': {}", path.native(), reason));
  };
  if (path.empty()) refuse("the name is empty");
  struct stat status {};
  // The links in /proc that /dev/stdout leads to need not be names.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    refuse("it is no regular file");
  }
  const fs::path target = follow_links(path);
  const bool exists = ::stat(target.c_str(), &status) == 0;
  if (!target.has_filename() || (exists && S_ISDIR(status.st_mode))) {
    refuse("it is a folder, not a file");
  }
  if (!exists && errno == ENAMETOOLONG) refuse(describe(errno));
  if (exists && !S_ISREG(status.st_mode)) refuse("it is no regular file");
  // Replacing a file needs no right to write it, so root and owner would not be stopped.
  constexpr mode_t may_write = 0222;
  if (exists && (status.st_mode & may_write) == 0) {
    refuse(
        fmt::format("it is a file that nobody may write (mode {:03o}); `chmod u+w` allows it "
                    "to be replaced",
                    status.st_mode & 0777U));
  }
  const fs::path folder = folder_of(target);
  if (::stat(folder.c_str(), &status) != 0) {
    refuse(errno == ENOENT ? fmt::format("the folder '{}' does not exist", folder.native())
                           : fmt::format("folder '{}': {}", folder.native(), describe(errno)));
  }
  if (!S_ISDIR(status.st_mode)) refuse(fmt::format("'{}' is not a folder", folder.native()));
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    refuse(fmt::format("folder '{}': {}", folder.native(), describe(errno)));
  }
}

}  // namespace icl::store
