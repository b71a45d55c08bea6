#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "icl/core/abrupt_end.hpp"
#include "icl/store/lock_file.hpp"
#include "icl/store/place.hpp"
#include "icl/store/publication.hpp"

namespace icl::store {

/// How a lock is waited for.
struct LockOptions {
  std::chrono::seconds wait{0};             ///< for another process that holds the lock
  const std::atomic<bool>* stop = nullptr;  ///< ends waiting and watching when it is set
};

/// The right of one process to write an output, and the only way to write one. It is a file
/// OUTPUT.lock beside it, made by link() or O_EXCL (locks of the kernel fail on NFS and Lustre),
/// which names host, process and that process's start time. A thread touches it every few seconds.
/// A lock is left over if its process no longer lives on this host, or if it was not touched for
/// `patience`; it is then taken over, with a message on standard error. A lock file that was
/// removed from under its holder is made again, as long as nobody else has taken the lock.
///
/// Publishing is fenced, so that a process which sleeps at any point of it (SIGSTOP, a suspended
/// machine, a file system that hangs) while another takes over can no longer do harm:
///   1. it writes a temporary file; 2. sees that the lock is its own; 3. sees that what lies at the
///   output is what it published last, or found when it took the lock; 4. renames the file.
///   Who takes a lock over first makes it its own, then removes all temporary files of the output,
///   and only then looks at the output.
/// If the lock is lost before 2, the process sees it there; if later, its file is removed before
/// the new holder looks, and rename() fails; or it was done before, and is what the new holder
/// finds. What remains: a program that does not know these locks and replaces the output between 3
/// and 4 (some microseconds, unless the process is stopped exactly there) loses what it put there.
/// (Where nothing lay before, rename() itself refuses to replace, if the file system can.)
///
/// Taking a lock throws Error(cannot_create) if another process holds it, if it cannot be removed,
/// or if what lies there is no lock of icl, and Error(io) if the machine fails. A lock belongs to
/// one thread.
class OutputLock {
 public:
  /// After so long without a touch a lock counts as left over.
  static constexpr std::chrono::seconds patience{60};
  /// Between two touches.
  static constexpr std::chrono::seconds heartbeat{10};

  explicit OutputLock(const std::filesystem::path& output, LockOptions options = {});
  /// Removes the lock file if it is still ours.
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

  /// Throws Error(cannot_create) if the lock was taken over by another process, as happens to a
  /// process that was stopped for longer than `patience`. Makes the lock file again if it was
  /// removed.
  void check();

  /// Replaces the output by a file that holds the parts one after the other; a reader sees the old
  /// file or the new one, whole, even if the process is killed or the machine stops in between. Its
  /// rights stay as they were (see NewFile). Error(io) names output and step; then the old file is
  /// as it was and nothing new lies beside it. (The one exception: if syncing the folder fails, the
  /// new file is in place already, but may not outlive a power cut.) Error(cannot_create) as
  /// check(); and if another program replaced or changed the output meanwhile: that stays, and the
  /// parts are in a new file beside it, which the message names (unless another process has had the
  /// lock: it went on from what was published here).
  void publish(Parts parts);
  void publish(std::span<const std::byte> bytes) { publish({&bytes, 1}); }

 private:
  void acquire();
  [[nodiscard]] bool is_ours(const FileState& there) const;
  void start_heartbeat();
  void beat();

  Place place_;
  LockOptions options_;
  std::string owner_;                  ///< what our lock file says
  std::optional<FileState> found_;     ///< what lay there when the lock was taken
  std::optional<Content> published_;   ///< what we published last
  Perishable perishable_;              ///< the lock file, if a signal ends us at once
  std::atomic<bool> was_lost_{false};  ///< whether others may have held the lock meanwhile
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread heartbeat_;
};

/// Whether a process seems to be writing the output: there is a lock file, its process has not
/// ended on this host, and by the clock of its file system it was touched within `patience`. To
/// look, not to rely on. Error(cannot_create) if what lies there is no lock file of icl.
[[nodiscard]] bool is_being_written(const std::filesystem::path& output);

}  // namespace icl::store
