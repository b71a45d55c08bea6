#include "icl/store/publication.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <vector>

#include "icl/core/abrupt_end.hpp"
#include "icl/core/error.hpp"
#include "icl/store/file.hpp"

namespace icl::store {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_write(const Place& place, std::string_view step, int error) {
  throw Error(code_of_errno(error),
              fmt::format("cannot write '{}': {} ({})", place.given().native(),
                          std::generic_category().message(error), step));
}

FileState state_in(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec};
}

/// What lies at the place itself: links were followed when it was found.
std::optional<struct stat> status_of(const Place& place, const std::string& name) {
  struct stat status {};
  if (::fstatat(place.folder(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno != ENOENT) cannot_write(place, "looking at what lies there", errno);
  return std::nullopt;
}

std::string hash_of(Parts parts) {
  XXH3_state_t* const state = XXH3_createState();
  XXH3_128bits_reset(state);
  for (const auto part : parts) XXH3_128bits_update(state, part.data(), part.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// Brings it to disk, where there is such a thing.
void sync(const Place& place, int file, int (*how)(int)) {
  if (uninterrupted([&] { return how(file); }) != 0 && errno != EINVAL && errno != ENOTSUP) {
    cannot_write(place, "syncing to disk", errno);
  }
}

/// In pieces, each on disk before the next, so that a signal is obeyed in between: a file of
/// gigabytes takes long, most of that in the end.
void write_all(const Place& place, int file, std::span<const std::byte> bytes) {
  constexpr std::size_t piece = std::size_t{16} << 20U;
  std::size_t in_piece = 0;
  while (!bytes.empty()) {
    if (end_is_wanted()) throw Error(ExitCode::interrupted, "interrupted");
    const std::size_t most = std::min(bytes.size(), piece - in_piece);
    const ssize_t written = uninterrupted([&] { return ::write(file, bytes.data(), most); });
    if (written < 0) cannot_write(place, "writing", errno);
    if (written == 0) cannot_write(place, "writing", ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    in_piece += static_cast<std::size_t>(written);
    if (in_piece < piece) continue;
    sync(place, file, ::fdatasync);
    in_piece = 0;
  }
}

/// Owner, group and mode of the old file. Group and owner come first, since changing them may take
/// bits off the mode.
void give_rights(int file, const struct stat& old) {
  constexpr mode_t all = 0777;
  constexpr mode_t of_group = 070;
  mode_t mode = old.st_mode & all;
  const bool both = ::fchown(file, old.st_uid, old.st_gid) == 0;
  if (!both && ::fchown(file, static_cast<uid_t>(-1), old.st_gid) != 0) {
    struct stat mine {};
    const bool same_group = ::fstat(file, &mine) == 0 && mine.st_gid == old.st_gid;
    const mode_t of_others_as_group = (mode & 07U) << 3U;
    if (!same_group) mode &= ~of_group | of_others_as_group;
  }
  (void)::fchmod(file, mode);
}

/// The access list and the attributes user.* of the old file, as far as the file system has such.
void give_attributes(int file, int old) {
  constexpr const char* access_list = "system.posix_acl_access";
  std::vector<char> names(1 << 16U);
  std::vector<char> value(1 << 16U);
  const ssize_t listed = ::flistxattr(old, names.data(), names.size());
  if (listed < 0) return;
  const std::string_view all(names.data(), static_cast<std::size_t>(listed));
  // One that the new file has of its folder, and the old one had not.
  if (all.find(access_list) == std::string_view::npos) (void)::fremovexattr(file, access_list);
  for (std::size_t at = 0; at < all.size();) {
    const std::string name(all.data() + at);
    at += name.size() + 1;
    if (!name.starts_with("user.") && name != access_list) continue;
    const ssize_t bytes = ::fgetxattr(old, name.c_str(), value.data(), value.size());
    if (bytes >= 0) {
      (void)::fsetxattr(file, name.c_str(), value.data(), static_cast<std::size_t>(bytes), 0);
    }
  }
}

}  // namespace

std::optional<FileState> state_of(const Place& place, const std::string& name) {
  const auto status = status_of(place, name);
  return status ? std::optional(state_in(*status)) : std::nullopt;
}

bool holds(const Place& place, const Content& content) {
  const auto state = state_of(place, place.name());
  if (!state) return false;
  if (*state == content.state) return true;
  if (static_cast<std::uint64_t>(state->bytes) != content.bytes) return false;
  try {
    const std::vector<std::byte> bytes = read_file(place.path());
    const std::span<const std::byte> part(bytes);
    return hash_of({&part, 1}) == content.hash;
  } catch (const Error&) {
    return false;
  }
}

NewFile::NewFile(const Place& place, Parts parts) : place_(place), name_(place.temporary_name()) {
  auto old = status_of(place, place.name());
  if (old && !S_ISREG(old->st_mode)) old.reset();
  // Nobody else may read it before it has the old file's rights.
  const mode_t mode = old ? 0600 : 0666;
  Descriptor file(uninterrupted([&] {
    return ::openat(place.folder(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  }));
  if (file.number() < 0) cannot_write(place, "creating a temporary file", errno);
  try {
    for (const std::span<const std::byte> part : parts) {
      write_all(place, file.number(), part);
      content_.bytes += part.size();
    }
    if (old) {
      give_rights(file.number(), *old);
      const Descriptor source(uninterrupted([&] {
        return ::openat(place.folder(), place.name().c_str(),
                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      }));
      if (source.number() >= 0) give_attributes(file.number(), source.number());
    }
    sync(place, file.number(), ::fsync);
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) cannot_write(place, "looking at it", errno);
    content_.state = state_in(status);
    content_.hash = hash_of(parts);
    if (const int error = file.close(); error != 0) cannot_write(place, "closing", error);
  } catch (...) {
    ::unlinkat(place.folder(), name_.c_str(), 0);
    throw;
  }
}

NewFile::~NewFile() {
  if (!named_) ::unlinkat(place_.folder(), name_.c_str(), 0);
}

NewFile::Naming NewFile::rename_to(const std::string& name, Over over) {
  const int folder = place_.folder();
  int result = -1;
  int error = EINVAL;
  if (over == Over::nothing) {
    result = ::renameat2(folder, name_.c_str(), folder, name.c_str(), RENAME_NOREPLACE);
    error = errno;
  }
  if (result != 0 &&
      (over == Over::anything || error == EINVAL || error == ENOSYS || error == ENOTSUP)) {
    if (over == Over::nothing && status_of(place_, name)) return Naming::taken;
    result = ::renameat(folder, name_.c_str(), folder, name.c_str());
    error = errno;
  }
  if (result != 0) {
    // On network file systems an answer may be lost, and its repetition fail.
    // The number of a file that was removed may be another's by now, but not its time as well.
    const bool ours = state_of(place_, name) == content_.state;
    if (!ours && error == EEXIST) return Naming::taken;
    if (!ours && error == ENOENT && !status_of(place_, name_)) return Naming::removed;
    if (!ours) cannot_write(place_, "renaming the temporary file", error);
  }
  named_ = true;
  return Naming::done;
}

NewFile::Naming NewFile::take_place(Over over) { return rename_to(place_.name(), over); }

std::optional<fs::path> NewFile::keep_beside() {
  constexpr int most = 1000;
  for (int i = 2; i < most; ++i) {
    const std::string name = place_.numbered_name(i);
    const Naming naming = rename_to(name, Over::nothing);
    if (naming == Naming::done) return place_.beside(name);
    if (naming == Naming::removed) return std::nullopt;
  }
  cannot_write(place_, "finding a free name beside it", EEXIST);
}

}  // namespace icl::store
