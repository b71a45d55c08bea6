// Preloaded into the program, fails one chosen system call on the files of one folder.
//
// FAULT_FOLDER: only paths that begin with this count. FAULT_CALL: open, write, fsync (of a folder
// too), sync (of a folder), close, rename, link, unlink or look (at a file that was not opened).
// FAULT_NUMBER: which of these calls fails, from 1; 0: each. FAULT_KIND: an error (ENOSPC, EIO,
// EINVAL ...); short (writes half, then ENOSPC); late (the call is done, then reported as failed,
// as over a network); or stop (SIGSTOP, then the call goes on as if nothing had happened).
// FAULT_LOG: a file that is made when the fault takes place, with the path that it hit. A file that
// gets its final name before its content is on disk ends the process, whatever FAULT_CALL is; so
// does the end of the process if a folder was made whose entry was not brought to disk.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

namespace {

enum class Fault { none, error, half, late };

int calls = 0;       // of the chosen kind, so far
std::string synced;  // the file that was last brought to disk, and not written since

const char* setting(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

std::string path_of(int fd) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = readlink(link.c_str(), path.data(), path.size() - 1);
  std::string found = n > 0 ? std::string(path.data(), static_cast<size_t>(n)) : "";
  constexpr const char* gone = " (deleted)";  // by another process
  const size_t at = found.rfind(gone);
  return at != std::string::npos && at + strlen(gone) == found.size() ? found.substr(0, at) : found;
}

/// The absolute path of what a call names relative to an open folder (or AT_FDCWD).
std::string path_at(int folder, const char* path) {
  if (path[0] == '/') return path;
  if (folder != AT_FDCWD) return path_of(folder) + "/" + path;
  return std::filesystem::current_path().string() + "/" + path;
}

bool in_folder(const std::string& path) {
  const std::string folder = setting("FAULT_FOLDER");
  return !folder.empty() && path.rfind(folder, 0) == 0;
}

int error_named(const std::string& name) {
  constexpr std::array<std::pair<const char*, int>, 8> errors{{{"EIO", EIO},
                                                               {"EINVAL", EINVAL},
                                                               {"EBADF", EBADF},
                                                               {"EROFS", EROFS},
                                                               {"ENOTSUP", ENOTSUP},
                                                               {"EPERM", EPERM},
                                                               {"ENOSYS", ENOSYS},
                                                               {"ENOSPC", ENOSPC}}};
  for (const auto& [text, number] : errors) {
    if (name == text) return number;
  }
  return ENOSPC;
}

Fault fault_of(const char* call, const std::string& path) {
  if (!in_folder(path) || strcmp(call, setting("FAULT_CALL")) != 0) return Fault::none;
  const int number = atoi(setting("FAULT_NUMBER"));
  if (++calls != number && number != 0) {
    // After half a write the disk is full, and stays full.
    const bool full = strcmp(setting("FAULT_KIND"), "short") == 0 && calls > number;
    if (!full) return Fault::none;
    errno = ENOSPC;
    return Fault::error;
  }
  const int log =
      static_cast<int>(syscall(SYS_open, setting("FAULT_LOG"), O_CREAT | O_WRONLY, 0600));
  if (log >= 0) {
    syscall(SYS_write, log, path.data(), path.size());
    syscall(SYS_close, log);
  }
  const std::string kind = setting("FAULT_KIND");
  if (kind == "short") return Fault::half;
  if (kind == "late") return Fault::late;
  if (kind == "stop") {
    raise(SIGSTOP);
    return Fault::none;
  }
  errno = error_named(kind);
  return Fault::error;
}

/// A lock is moved away without being brought to disk; all else must have been.
void check_synced(const std::string& source) {
  const bool lock = source.size() > 5 && source.substr(source.size() - 5) == ".lock";
  if (!in_folder(source) || source == synced || lock) return;
  fputs("fault: renamed before it was brought to disk\n", stderr);
  abort();
}

/// What was made in these folders may not outlive a power cut.
std::set<std::string>& unsynced_folders() {
  static auto* const folders = new std::set<std::string>;  // NOLINT: needed until the very end
  return *folders;
}

__attribute__((destructor)) void check_folders() {
  if (unsynced_folders().empty()) return;
  fprintf(stderr, "fault: a new folder was not brought to disk in %s\n",
          unsynced_folders().begin()->c_str());
  _exit(134);
}

/// The call, or its failure; with `error` if it is done and reported as failed.
template <class Call>
int carried_out(Fault fault, int error, Call call) {
  if (fault != Fault::none && fault != Fault::late) return -1;
  const int result = call();
  if (fault != Fault::late) return result;
  errno = error;
  return -1;
}

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  const std::string path = path_of(fd);
  if (path == synced) synced.clear();
  switch (fault_of("write", path)) {
    case Fault::none:
      return real(fd, data, size);
    case Fault::half:
      return real(fd, data, size / 2);
    case Fault::error:
    case Fault::late:
      break;
  }
  return -1;
}

int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  const std::string path = path_of(fd);
  unsynced_folders().erase(path);
  struct stat status {};
  if (fault_of("fsync", path) != Fault::none) return -1;
  const bool folder = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  if (folder && fault_of("sync", path) != Fault::none) return -1;
  synced = path;
  return real(fd);
}

int close(int fd) {
  static const auto real = next<int (*)(int)>("close");
  const Fault fault = fault_of("close", path_of(fd));
  const int error = errno;
  const int result = real(fd);
  if (fault == Fault::none) return result;
  errno = error;
  return -1;
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  static const auto real = next<int (*)(int, const char*, int, const char*)>("renameat");
  check_synced(path_at(from_folder, from));
  const Fault fault = fault_of("rename", path_at(to_folder, to));
  return carried_out(fault, ENOENT, [&] { return real(from_folder, from, to_folder, to); });
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned int flags) {
  static const auto real =
      next<int (*)(int, const char*, int, const char*, unsigned int)>("renameat2");
  check_synced(path_at(from_folder, from));
  const Fault fault = fault_of("rename", path_at(to_folder, to));
  return carried_out(fault, ENOENT, [&] { return real(from_folder, from, to_folder, to, flags); });
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  static const auto real = next<int (*)(int, const char*, int, const char*, int)>("linkat");
  const Fault fault = fault_of("link", path_at(to_folder, to));
  return carried_out(fault, EEXIST, [&] { return real(from_folder, from, to_folder, to, flags); });
}

int unlinkat(int folder, const char* path, int flags) {
  static const auto real = next<int (*)(int, const char*, int)>("unlinkat");
  const Fault fault = fault_of("unlink", path_at(folder, path));
  return carried_out(fault, ENOENT, [&] { return real(folder, path, flags); });
}

int fstatat(int folder, const char* path, struct stat* status, int flags) {
  static const auto real = next<int (*)(int, const char*, struct stat*, int)>("fstatat");
  const Fault fault = fault_of("look", path_at(folder, path));
  return carried_out(fault, EIO, [&] { return real(folder, path, status, flags); });
}

int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static const auto real = next<int (*)(clockid_t, struct timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec += atoi(setting("FAULT_CLOCK"));
  return result;
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
  const int result = real(path, mode);
  const std::string made = std::filesystem::path(path_at(AT_FDCWD, path)).lexically_normal();
  if (result == 0 && in_folder(made)) {
    unsynced_folders().insert(std::filesystem::path(made).parent_path());
  }
  return result;
}

int open(const char* path, int flags, ...) {
  static const auto real = next<int (*)(const char*, int, mode_t)>("open");
  va_list args;
  va_start(args, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
  va_end(args);
  return fault_of("open", path_at(AT_FDCWD, path)) == Fault::none ? real(path, flags, mode) : -1;
}

int openat(int folder, const char* path, int flags, ...) {
  static const auto real = next<int (*)(int, const char*, int, mode_t)>("openat");
  va_list args;
  va_start(args, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
  va_end(args);
  return fault_of("open", path_at(folder, path)) == Fault::none ? real(folder, path, flags, mode)
                                                                : -1;
}
}
