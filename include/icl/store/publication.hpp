#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "icl/store/place.hpp"

namespace icl::store {

/// The bytes of a file, in pieces that follow each other.
using Parts = std::span<const std::span<const std::byte>>;

/// What tells one content of a path from another without reading it. Other names, owners, modes and
/// attributes of the file do not count.
struct FileState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t bytes = 0;
  std::int64_t seconds = 0;  ///< of its last change, with the nanoseconds
  std::int64_t nanoseconds = 0;
  bool operator==(const FileState&) const = default;
};

/// The state of the file `name` in the folder of an output; nothing if there is no such file.
/// Error(io) if that cannot be found out.
[[nodiscard]] std::optional<FileState> state_of(const Place&, const std::string& name);

/// A file's content as it was written.
struct Content {
  FileState state;
  std::uint64_t bytes = 0;
  std::string hash;  ///< XXH3-128
};

/// Whether what lies at a place is this content still, by its state or else by reading it: `touch`,
/// a restored copy, or a file system that makes up inode numbers do not make it another.
[[nodiscard]] bool holds(const Place&, const Content&);

/// A new file beside an output, whole and on the disk, that is to take the output's place. It gets
/// mode, owner, group, access list and user attributes of the file that lies there, as far as this
/// process may give them (a group that it may not give gets no more rights than everybody has); if
/// none lies there, mode 0666 less the umask. Gone with its object unless it was named.
class NewFile {
 public:
  /// Error(io) names output and step; then nothing new lies beside it.
  NewFile(const Place&, Parts);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// How taking the output's name ended.
  enum class Naming {
    done,
    taken,    ///< `over` was nothing, and now there is a file
    removed,  ///< the new file is gone: whoever took over the output's lock removed it
  };
  /// What may be replaced.
  enum class Over { nothing, anything };
  /// Gives the new file the output's name, in one step that a reader or a power cut sees done or
  /// not at all. Error(io) names output and step; then the file that lay there is as it was.
  [[nodiscard]] Naming take_place(Over);
  /// Gives the new file the first free name of NAME.2, NAME.3 ..., and returns that path; nothing
  /// if the new file was removed. Error(io) likewise.
  [[nodiscard]] std::optional<std::filesystem::path> keep_beside();

  [[nodiscard]] const Content& content() const { return content_; }

 private:
  [[nodiscard]] Naming rename_to(const std::string& name, Over);

  const Place& place_;
  std::string name_;
  Content content_;
  bool named_ = false;
};

}  // namespace icl::store
