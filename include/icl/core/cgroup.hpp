#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// Limits that control groups (Linux's cgroups, version 1, 2 or both at once) put on this process:
/// containers and batch systems set them. A limit holds for all groups below it, so the least of
/// all ancestors is in force. What is missing, unreadable or malformed sets no limit; nothing here
/// throws but std::bad_alloc. Safe to call from any thread; some ten small files are read each
/// time.
namespace icl::cgroup {

/// Where the groups of a process are to be found.
struct Hierarchy {
  std::string groups;                ///< the text of /proc/self/cgroup
  std::string mounts;                ///< the text of /proc/self/mountinfo
  std::filesystem::path root = "/";  ///< the folder beneath which the mount points stand
};

/// The groups of this process. Texts that cannot be read are empty.
[[nodiscard]] Hierarchy this_process();

/// CPU time a second that all processes of the group may take together, in CPUs: quota / period.
[[nodiscard]] std::optional<double> cpu_quota(const Hierarchy& hierarchy = this_process());

/// The memory of the group that leaves the least room.
struct Memory {
  std::int64_t limit = 0;   ///< bytes
  std::int64_t in_use = 0;  ///< bytes, by all processes of the group, without the file cache that
                            ///< the kernel gives up on demand
  [[nodiscard]] std::int64_t available() const { return limit > in_use ? limit - in_use : 0; }
};
[[nodiscard]] std::optional<Memory> memory(const Hierarchy& hierarchy = this_process());

}  // namespace icl::cgroup
