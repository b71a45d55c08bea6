#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "icl/store/hdf5.hpp"

namespace icl::store {

/// Builds the image of an HDF5 file. Equal calls give equal bytes, in any process at any time:
/// there are no object times. Groups on the way to an object are made as needed. Everything it
/// throws is an Error(ExitCode::internal): a path used twice, a shape that contradicts its data, a
/// NUL in a string.
class Hdf5Writer {
 public:
  Hdf5Writer();

  /// Makes a group; one that exists already is left as it is.
  void group(const std::string& path);

  /// Adds an attribute to an existing object ("/" is the root group). HDF5 takes less than 64 KiB.
  void attribute(const std::string& path, const std::string& name, const AttributeValue& value);

  /// Adds an attribute of text of variable length to the root group: what people look at first, and
  /// compare (in h5py `file.attrs["status"] == "done"`).
  void root_text(const std::string& name, const std::string& value);

  /// Adds an attribute of text of variable length to an existing object: for readers such as silx,
  /// which show text of fixed length as Python's bytes. What decode() needs must not be there: see
  /// Hdf5Reader::varying_text().
  void varying_text(const std::string& path, const std::string& name, const std::string& value);

  /// Writes a contiguous dataset; the product of `shape` is the number of `values`.
  void dataset(const std::string& path, const Extents& shape, const ArrayView& values);

  /// Writes a 2-D dataset, in chunks of whole or part rows with shuffle and gzip if it has 64 KiB
  /// or more: for arrays with much padding. Hdf5Reader does not read those.
  void packed_dataset(const std::string& path, const Extents& shape,
                      std::span<const double> values);

  /// Writes a scalar dataset that holds a UTF-8 string of any length, as ASCII where it is that.
  void text(const std::string& path, const std::string& value);

  /// Writes a 1-D dataset of compounds with one member for each column, marked as the table of
  /// HDF5's high-level library (H5TB) that it is. (H5TBmake_table itself would store the time.)
  /// Its axis has the scale `path`_row: 0, 1, 2, ...
  void table(const std::string& path, const std::string& title, std::span<const Column> columns);

  /// Makes an existing 1-D dataset a dimension scale with that name (attribute NAME).
  void scale(const std::string& path, const std::string& name);

  /// Attaches a scale to one axis of a dataset; their lengths agree. xarray wants every axis of
  /// every array to have one, in the same group.
  void attach_scale(const std::string& dataset, std::size_t axis, const std::string& scale);

  /// The file. The writer is spent.
  [[nodiscard]] std::vector<std::byte> finish() &&;

 private:
  Hdf5Handle file_;
};

}  // namespace icl::store
