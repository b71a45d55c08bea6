#pragma once

#include <climits>
#include <cstddef>
#include <filesystem>
#include <string>

#include "icl/store/descriptor.hpp"

namespace icl::store {

/// The path with every symbolic link at its end followed, which may lead to nothing yet. (Those in
/// its folders are the system's to follow.) Error(cannot_create) for a circle of links.
[[nodiscard]] std::filesystem::path follow_links(const std::filesystem::path& path);

/// The folder that a path lies in: "." for a plain name.
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& path);

/// Brings the entries of an open folder to disk; returns errno or 0. 0 too where that cannot be
/// asked for: by its file system, or since we may not read the folder.
[[nodiscard]] int sync_folder(int folder);

/// Where an output lies: its folder, kept open, and its name there. Symbolic links are followed, so
/// that two names of one file are one place (hard links are not: each is an output of its own, and
/// the one that is written is no longer linked to the others). Names are bytes; those made of the
/// output's are cut to what the file system takes, with a hash in place of what was cut.
class Place {
 public:
  /// Keeps the folder open while it lives. Error(io) names the path if that cannot be opened;
  /// Error(cannot_create) as follow_links().
  explicit Place(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& given() const { return given_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }  ///< links followed
  [[nodiscard]] int folder() const { return folder_.number(); }  ///< descriptor of the open folder
  [[nodiscard]] const std::string& name() const { return name_; }  ///< of the output in its folder

  [[nodiscard]] std::string lock_name() const;  ///< NAME.lock
  [[nodiscard]] std::filesystem::path lock_path() const { return beside(lock_name()); }
  [[nodiscard]] std::filesystem::path beside(const std::string& name) const;  ///< in the folder

  /// NAME.2 for 2: for what cannot have the output's own name.
  [[nodiscard]] std::string numbered_name(int number) const;
  /// A fresh name for a new file that is to take the output's: `.NAME.tmp-HOST-PID-RANDOM`.
  [[nodiscard]] std::string temporary_name() const;
  /// A fresh name for what is to be a lock, or was one: `.NAME.lock-HOST-PID-RANDOM`.
  [[nodiscard]] std::string draft_name() const;

  /// Removes every file with a temporary_name() of this output, whoever made it: of a process that
  /// was killed, or that was stopped and may no longer publish. For the holder of its lock only.
  void remove_temporaries() const;
  /// Removes the files with a draft_name() that ended processes of this host left.
  void remove_drafts() const;

 private:
  [[nodiscard]] std::string name_with(const std::string& ending) const;
  [[nodiscard]] std::string prefix(const char* kind) const;

  std::filesystem::path given_;
  std::filesystem::path path_;
  std::string name_;
  Descriptor folder_;
  std::size_t longest_name_ = NAME_MAX;
};

}  // namespace icl::store
