#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/store/envelope.hpp"
#include "icl/store/hdf5.hpp"

namespace icl::store {

/// A dataset of a file, without its values.
struct StoredObject {
  std::string path;
  Extents shape;
  std::string type;  ///< "float32", "table or other"
  std::string doc;   ///< its long_name; empty if it has none
};

/// What an HDF5 file holds, without looking into it.
struct Contents {
  std::string format;  ///< of the file, as its root says: "icl data"; empty if it does not
  std::vector<StoredObject> datasets;  ///< sorted by path
  std::string toml;                    ///< of its /config/toml; empty if it has none
};

/// Lists any HDF5 file, in a child process, and reads no more of it than that takes. With a `kind`,
/// the file must be one of this program, of that kind and whole by its hashes. Error(bad_input)
/// names the file and what is wrong with it; errors of read_file() and Isolated besides.
[[nodiscard]] Contents contents_of(const std::filesystem::path& path, std::optional<FileKind> kind);

}  // namespace icl::store
