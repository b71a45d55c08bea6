#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

/// Whole files, read and replaced at once. Every function may be called from any thread. A program
/// that publishes ignores SIGXFSZ from its start on: then a write beyond `ulimit -f` is an Error,
/// where it would otherwise kill the process (and leave a temporary file behind).
namespace icl::store {

/// The bytes of a regular file (not of /proc, whose files tell no size). Error(bad_input) if it is
/// missing, not readable by us or not a regular file; Error(io) if the machine fails to read it.
[[nodiscard]] std::vector<std::byte> read_file(const std::filesystem::path& path);

/// The bytes of a regular file, which are read as they are looked at. If the file is cut meanwhile,
/// looking at them ends the process by SIGBUS: do it in a child (isolated.hpp).
class MappedFile {
 public:
  /// Errors as for read_file(); Error(resources) without address space for it.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

struct FileHead {
  std::vector<std::byte> bytes;  ///< the first bytes; fewer than asked for if the file is shorter
  std::uint64_t file_bytes;      ///< size of the whole file
};

struct FileEnds {
  std::vector<std::byte> first;  ///< fewer bytes than asked for if the file is shorter
  std::vector<std::byte> last;   ///< likewise
  std::uint64_t file_bytes;      ///< size of the whole file
};

/// The first bytes of a regular file, at most `max_bytes`. Errors as for read_file().
[[nodiscard]] FileHead read_head(const std::filesystem::path& path, std::size_t max_bytes);

/// The first and the last bytes of a regular file, at most `max_bytes` each. Errors as for
/// read_file().
[[nodiscard]] FileEnds read_ends(const std::filesystem::path& path, std::size_t max_bytes);

/// Replaces `path` by a file that holds the parts one after the other, or makes it, as
/// OutputLock::publish() does; errors are those of OutputLock. For what is written once, at once.
void publish_file(const std::filesystem::path& path,
                  std::span<const std::span<const std::byte>> parts);
void publish_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// Makes a folder and those above it, as far as they are missing, and brings the entry of each that
/// it makes to disk, with that of the last one in any case. Error(cannot_create).
void make_folders(const std::filesystem::path& path);

/// Error(cannot_create) if publishing at `path` is bound to fail: the folder is missing or not
/// writable, `path` is or leads to a folder or a device, or to a file that nobody may write. To be
/// called before a long computation, not as a guarantee.
void check_creatable(const std::filesystem::path& path);

}  // namespace icl::store
