#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

/// Whole files, read and replaced at once. Every function may be called from any thread. A program
/// that publishes ignores SIGXFSZ from its start on: then a write beyond `ulimit -f` is an Error,
/// where it would otherwise kill the process (and leave a temporary file behind).
namespace icl::io {

/// The bytes of a regular file (not of /proc, whose files tell no size). Error(bad_input) if it is
/// missing, not readable by us or not a regular file; Error(io) if the machine fails to read it.
[[nodiscard]] std::vector<std::byte> read_file(const std::filesystem::path& path);

struct FileHead {
  std::vector<std::byte> bytes;  ///< the first bytes; fewer than asked for if the file is shorter
  std::uint64_t file_bytes;      ///< size of the whole file
};

/// The first bytes of a regular file, at most `max_bytes`. Errors as for read_file().
[[nodiscard]] FileHead read_head(const std::filesystem::path& path, std::size_t max_bytes);

/// A name in the target's folder that no file has: `.NAME.tmp-HOST-PID-RANDOM`. If this process is
/// killed before it removes the file, the next publish_file(target) on this host does.
[[nodiscard]] std::filesystem::path temporary_path(const std::filesystem::path& target);

/// Replaces `path` by a file that holds the parts one after the other; a reader sees the old file
/// or the new one, whole, even if the process is killed or the machine stops in between. Written to
/// temporary_path(path), synced to disk, renamed; mode 0666 less the
/// umask; a symbolic link at `path` is itself replaced. Error(io) names path and step; then the old
/// file is as it was and nothing new lies beside it. (The one exception: if syncing the folder
/// fails, the new file is in place already, but may not outlive a power cut.) Removes temporary
/// files of the same target left by killed processes of this host. So a target belongs to one
/// process, and one thread of it, at a time: of two writers one may get an Error, but neither
/// publishes a file that is not whole.
void publish_file(const std::filesystem::path& path,
                  std::span<const std::span<const std::byte>> parts);
void publish_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// Error(cannot_create) if publish_file(path) is bound to fail: the folder is missing or not
/// writable, or `path` is a folder or a device. To be called before a long computation, not as a
/// guarantee.
void check_creatable(const std::filesystem::path& path);

}  // namespace icl::io
