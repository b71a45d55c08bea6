#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "icl/store/place.hpp"
#include "icl/store/publication.hpp"

namespace icl::store {

/// Whom a lock names.
struct Holder {
  std::string space;  ///< where its process number means something: HOST/BOOT/NAMESPACE
  pid_t process = 0;
  std::string started;  ///< the process's start in clock ticks since boot, or "?"

  [[nodiscard]] std::string host() const { return space.substr(0, space.find('/')); }
};

/// This process, as a lock file says it.
[[nodiscard]] std::string lock_text();

/// A lock file as it is at one moment.
struct LockFile {
  std::optional<std::string> text;  ///< nothing if we may not read it
  std::optional<Holder> holder;     ///< nothing if it is empty, half written or not readable
  FileState state;
  uid_t user = 0;  ///< its owner
};

/// The lock file of an output, or nothing if there is none. At once, whatever lies there:
/// Error(cannot_create) if that is no lock file of icl.
[[nodiscard]] std::optional<LockFile> look_at_lock(const Place&);

/// Whether a lock's process lived where this process sees processes, and has ended. Processes of
/// other users count even where they are hidden; nothing is concluded where this system tells no
/// boot or no namespace.
[[nodiscard]] bool has_ended(const LockFile&);

/// Seconds since a lock was touched, by the clock that touched it: that of its file system, read
/// off a file made there just now, as the clocks of hosts differ; by this host's clock where no
/// file can be made. Negative for one from the future.
[[nodiscard]] double seconds_since_touched(const Place&, const LockFile&);

/// Why a lock is nobody's any more, or nothing while it may be somebody's. A lock that was last
/// touched too long ago, or in the future, is watched for more than a heartbeat before it counts as
/// left (clocks of hosts may differ, and some file systems take theirs); unless this system's own
/// clock has touched it. `tell` is told before that. Stops watching, with nothing, when `stop` is
/// set.
[[nodiscard]] std::optional<std::string> cause_of_death(
    const Place&, const LockFile&, const std::atomic<bool>* stop,
    const std::function<void(const std::string&)>& tell);

/// "process 5 on host h", or what is known of a lock that names none.
[[nodiscard]] std::string describe_holder(const LockFile&);

}  // namespace icl::store
