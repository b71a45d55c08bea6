// Preloaded into the program, fails one chosen system call on the files of one folder.
//
// FAULT_FOLDER: only paths that begin with this count. FAULT_CALL: open, write, fsync, close or
// rename. FAULT_NUMBER: which of these calls fails, from 1. FAULT_KIND: ENOSPC, EIO, or short
// (writes half, then ENOSPC). FAULT_LOG: a file that is made when the fault takes place, with the
// path that it hit. A file
// that gets its final name before its content is on disk ends the process, whatever FAULT_CALL is.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace {

enum class Fault { none, error, half };

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
  return n > 0 ? std::string(path.data(), static_cast<size_t>(n)) : "";
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

Fault fault_of(const char* call, const std::string& path) {
  if (!in_folder(path) || strcmp(call, setting("FAULT_CALL")) != 0) return Fault::none;
  if (++calls != atoi(setting("FAULT_NUMBER"))) {
    // After half a write the disk is full, and stays full.
    const bool full =
        strcmp(setting("FAULT_KIND"), "short") == 0 && calls > atoi(setting("FAULT_NUMBER"));
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
  if (strcmp(setting("FAULT_KIND"), "short") == 0) return Fault::half;
  errno = strcmp(setting("FAULT_KIND"), "EIO") == 0 ? EIO : ENOSPC;
  return Fault::error;
}

/// A lock is moved away without being brought to disk; all else must have been.
void check_synced(const std::string& source) {
  const bool lock = source.size() > 5 && source.substr(source.size() - 5) == ".lock";
  if (!in_folder(source) || source == synced || lock) return;
  fputs("fault: renamed before it was brought to disk\n", stderr);
  abort();
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
      break;
  }
  return -1;
}

int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  const std::string path = path_of(fd);
  if (fault_of("fsync", path) != Fault::none) return -1;
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
  return fault_of("rename", path_at(to_folder, to)) == Fault::none
             ? real(from_folder, from, to_folder, to)
             : -1;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned int flags) {
  static const auto real =
      next<int (*)(int, const char*, int, const char*, unsigned int)>("renameat2");
  check_synced(path_at(from_folder, from));
  return fault_of("rename", path_at(to_folder, to)) == Fault::none
             ? real(from_folder, from, to_folder, to, flags)
             : -1;
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
