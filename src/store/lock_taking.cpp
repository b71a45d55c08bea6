#include "icl/store/lock_taking.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "icl/core/abrupt_end.hpp"
#include "icl/core/error.hpp"
#include "icl/core/message.hpp"

namespace icl::store {
namespace {

[[noreturn]] void cannot_lock(const Place& place, std::string_view step, int error) {
  throw Error(
      code_of_errno(error),
      fmt::format("cannot write '{}': {} ({} '{}')", place.given().native(),
                  std::generic_category().message(error), step, place.lock_path().native()));
}

/// Makes a new file that holds the text. Returns errno, or 0.
int write_new(int folder, const std::string& name, const std::string& text) {
  Descriptor file(uninterrupted([&] {
    return ::openat(folder, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  }));
  if (file.number() < 0) return errno;
  // A umask may take even our own right to read it, and what cannot be read is another's lock.
  struct stat status {};
  constexpr mode_t own = S_IRUSR | S_IWUSR;
  const bool known = ::fstat(file.number(), &status) == 0;
  if (known && (status.st_mode & own) != own) {
    (void)::fchmod(file.number(), (status.st_mode & 07777U) | own);
  }
  int error = 0;
  for (std::string_view rest = text; error == 0 && !rest.empty();) {
    const ssize_t written =
        uninterrupted([&] { return ::write(file.number(), rest.data(), rest.size()); });
    if (written <= 0) error = written < 0 ? errno : ENOSPC;
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  const int close_error = file.close();
  if (error == 0) error = close_error;
  if (error != 0) ::unlinkat(folder, name.c_str(), 0);
  return error;
}

bool same_file(int folder, const std::string& one, const std::string& other) {
  struct stat a {};
  struct stat b {};
  return ::fstatat(folder, one.c_str(), &a, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstatat(folder, other.c_str(), &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

bool make_lock(const Place& place, const std::string& text) {
  const Unbroken creation;
  const int folder = place.folder();
  const std::string name = place.lock_name();
  // Written under another name first: so the lock file is never seen without its content.
  const std::string draft = place.draft_name();
  if (const int error = write_new(folder, draft, text)) {
    cannot_lock(place, "writing its lock", error);
  }
  // link() makes the name only if it does not exist, and with its content: O_EXCL in effect. Over a
  // network it may report a failure though it has done so.
  const bool linked = ::linkat(folder, draft.c_str(), folder, name.c_str(), 0) == 0;
  const int cause = errno;
  const bool made = linked || same_file(folder, draft, name);
  ::unlinkat(folder, draft.c_str(), 0);
  if (made || cause == EEXIST || cause == ENOENT) return made;
  // A file system without hard links.
  const int error = write_new(folder, name, text);
  if (error != 0 && error != EEXIST) cannot_lock(place, "writing its lock", error);
  return error == 0;
}

void remove_left_lock(const Place& place, const LockFile& lock, const std::string& cause) {
  const Unbroken removal;
  const int folder = place.folder();
  const std::string name = place.lock_name();
  // Only one process can move a file away; if it was not the dead one, it is put back.
  const std::string grave = place.draft_name();
  if (::renameat(folder, name.c_str(), folder, grave.c_str()) != 0) {
    if (errno == ENOENT) return;
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}': its lock '{}' was left over ({}), but this process may not "
                            "remove it: {}; it belongs to user {}, who can",
                            place.given().native(), place.lock_path().native(), cause,
                            std::generic_category().message(errno), lock.user));
  }
  // Not if it was touched meanwhile.
  if (state_of(place, grave) == lock.state) {
    say(fmt::format("taking over the lock of '{}': {}", place.given().native(), cause));
  } else {
    (void)::linkat(folder, grave.c_str(), folder, name.c_str(), 0);
  }
  ::unlinkat(folder, grave.c_str(), 0);
}

}  // namespace icl::store
