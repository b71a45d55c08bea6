#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "icl/store/hdf5.hpp"
#include "icl/store/isolated.hpp"

/// What a child process does for stored_table.hpp. It may crash or hang in libhdf5, so it is called
/// in a child only.
namespace icl::store {

/// A dataset that is asked for.
struct TableRequest {
  std::string dataset;
  bool may_be_missing = false;
};

/// The file as it lies on the disk, without locks. Error(bad_input): no HDF5 file.
[[nodiscard]] Hdf5Handle open_file(const std::filesystem::path& path);

/// Sends what StoredTable expects of each dataset of an open file. Reads what belongs to them and
/// no more of the file. Error(bad_input), naming file and dataset: a dataset that is missing, lies
/// elsewhere, was never written in places, or needs a filter that is not ours.
void send_tables(const Hdf5Handle& file, const std::string& name, const std::vector<TableRequest>&,
                 const Isolated::Send&);

}  // namespace icl::store
