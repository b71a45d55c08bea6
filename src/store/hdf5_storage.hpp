#pragma once

#include "hdf5_calls.hpp"

/// Where the values of a dataset lie: checks that come before memory is asked for and anything is
/// read. Private to src/io.
namespace icl::store {

/// Checks that all values of a dataset that is not chunked are stored, in the image.
inline void check_whole(const Dataset& dataset, const Where& where, std::uint64_t image_bytes) {
  const Handle type(where.ok(H5Dget_type(dataset.handle.id()), "read the type"));
  const std::uint64_t element_bytes = std::max<std::size_t>(H5Tget_size(type.id()), 1);
  const std::uint64_t stored = H5Dget_storage_size(dataset.handle.id());
  const std::optional<std::uint64_t> count = element_count(dataset.shape);
  if (!count || stored > image_bytes || stored / element_bytes != *count) {
    where.fail(fmt::format("has shape [{}], but {} bytes of it are in the file",
                           fmt::join(dataset.shape, ", "), stored));
  }
}

/// Checks that the values of a dataset lie in the image, all of them, and nowhere else.
inline void check_storage(const Dataset& dataset, const Where& where, std::uint64_t image_bytes) {
  const Handle properties(where.ok(H5Dget_create_plist(dataset.handle.id()), "read the layout"));
  if (H5Pget_layout(properties.id()) != H5D_CONTIGUOUS ||
      H5Pget_external_count(properties.id()) != 0) {
    where.fail("is not stored as one block of the file");
  }
  check_whole(dataset, where, image_bytes);
}

}  // namespace icl::store
