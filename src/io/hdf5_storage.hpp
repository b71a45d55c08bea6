#pragma once

#include "hdf5_calls.hpp"

/// Where the values of a dataset lie: checks that come before memory is asked for and anything is
/// read. Private to src/io.
namespace icl::io {

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

/// HDF5 keeps a record of every chunk that it is to read, so there must not be more of them than
/// the image can hold.
inline void check_chunks(const Dataset& dataset, const Handle& properties, const Where& where,
                         std::uint64_t image_bytes) {
  constexpr std::uint64_t least_chunk_bytes = 4;  // of its values or of its address
  std::vector<hsize_t> lengths(dataset.shape.size());
  where.ok(H5Pget_chunk(properties.id(), static_cast<int>(lengths.size()), lengths.data()),
           "read the size of its chunks");
  Extents chunks;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    chunks.push_back((dataset.shape[i] - 1) / std::max<hsize_t>(lengths[i], 1) + 1);
  }
  const std::optional<std::uint64_t> count = element_count(chunks);
  if (!count || *count > image_bytes / least_chunk_bytes ||
      H5Dget_storage_size(dataset.handle.id()) == 0) {
    where.fail(fmt::format("has shape [{}], but not that many chunks are in the file",
                           fmt::join(dataset.shape, ", ")));
  }
}

/// Checks that the image and HDF5 itself are all that is needed to read a dataset of any origin.
inline void check_foreign_storage(const Dataset& dataset, const Where& where,
                                  std::uint64_t image_bytes) {
  const Handle properties(where.ok(H5Dget_create_plist(dataset.handle.id()), "read the layout"));
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  const bool inside = layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED;
  if (!inside || H5Pget_external_count(properties.id()) != 0) {
    where.fail("is stored outside of the file");
  }
  const int filters = where.ok(H5Pget_nfilters(properties.id()), "read its filters");
  for (int i = 0; i < filters; ++i) {
    std::size_t values = 0;
    const H5Z_filter_t filter =
        where.ok(H5Pget_filter2(properties.id(), static_cast<unsigned>(i), nullptr, &values,
                                nullptr, 0, nullptr, nullptr),
                 "read its filters");
    // Those from H5Z_FILTER_RESERVED on are plugins, which HDF5 would look for on this machine.
    if (filter >= H5Z_FILTER_RESERVED || H5Zfilter_avail(filter) <= 0) {
      where.fail(fmt::format("needs HDF5's filter {}, which is not part of this program", filter));
    }
  }
  if (layout == H5D_CHUNKED) {
    check_chunks(dataset, properties, where, image_bytes);
  } else {
    check_whole(dataset, where, image_bytes);
  }
}

}  // namespace icl::io
