#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace icl::io {

/// The right of one process to write an output: a file OUTPUT.lock beside it, made with O_EXCL
/// (locks of the kernel fail on NFS and Lustre), which names host, process and that process's start
/// time. A thread touches it every few seconds. A lock is dead if its process no longer lives on
/// this host, or if it was not touched for `patience`; it is then taken over, with a message on
/// standard error.
///
/// Taking a lock throws Error(ExitCode::cannot_create) if another process holds it, and
/// Error(ExitCode::io) if the file cannot be made.
class OutputLock {
 public:
  static constexpr std::chrono::seconds patience{60};
  static constexpr std::chrono::seconds heartbeat{10};

  explicit OutputLock(const std::filesystem::path& output);
  /// Removes the lock file if it is still ours.
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

  /// Throws Error(ExitCode::cannot_create) if the lock was taken over by another process, as
  /// happens to one that was stopped for longer than `patience`.
  void check() const;

 private:
  void acquire();
  [[nodiscard]] bool try_create() const;
  void take_over_if_dead() const;
  void beat();

  std::filesystem::path output_;
  std::filesystem::path path_;
  std::string owner_;  ///< what our lock file says
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread heartbeat_;
};

/// Whether a process seems to be writing the output: there is a lock file, its process has not
/// ended on this host, and by this host's clock it was touched within `patience`. To look, not to
/// rely on.
[[nodiscard]] bool is_being_written(const std::filesystem::path& output);

}  // namespace icl::io
