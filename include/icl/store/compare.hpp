#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "icl/store/envelope.hpp"

namespace icl::store {

/// In what an HDF5 image may differ from the one that is expected. Nothing of it by default.
struct Leeway {
  /// Groups and datasets at the top that are not looked at, as "/provenance"; "/" stands for the
  /// attributes of the root group.
  std::vector<std::string> except = {};
  /// Whether a group or dataset at `path` (`attribute` empty), or an attribute of one, may be
  /// missing. Not asked of what is there.
  std::function<bool(const std::string& path, const std::string& attribute)> may_lack = {};
  /// Whether an attribute may say `found` (a list with commas between) where another text is
  /// expected.
  std::function<bool(const std::string& path, const std::string& attribute,
                     const std::string& found)>
      may_say = {};
  /// A dataset of text whose meaning was compared already: "/config/toml".
  std::string other_text = {};
};

/// The first difference between two HDF5 images: groups, datasets, attributes, scales, types,
/// shapes, values (bit by bit: -0 is not 0, and a NaN equals itself), tables row by row. Says where
/// it is
/// ("path[index]" or "path: attribute name"), what was expected and what was found; nothing if
/// there is none. Elements of datasets with a scale `step` in their group name the step too. Throws
/// Error(bad_input) for what is no HDF5. Reads text of variable length, over which HDF5 may crash
/// in a hostile image: those only in a child process (see Isolated). Safe on several threads only
/// as HDF5 is: one at a time.
[[nodiscard]] std::optional<std::string> first_difference(std::span<const std::byte> expected,
                                                          std::span<const std::byte> actual,
                                                          const Leeway& = {});

/// The same between two files of that kind which this program wrote, in a child process. Errors as
/// for read_file() and unseal() besides.
[[nodiscard]] std::optional<std::string> first_difference_of_files(
    const std::filesystem::path& expected, const std::filesystem::path& actual, FileKind,
    const Leeway&);

}  // namespace icl::store
