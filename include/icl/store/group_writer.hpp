#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/store/hdf5_writer.hpp"

namespace icl::store {

/// What readers show of an array.
struct Caption {
  std::string units;             ///< "1" for none
  std::string long_name;         ///< short enough for an axis: "ICL accuracy"
  std::string description = {};  ///< a sentence; empty if long_name says it all
};

/// Writes datasets of one group whose axes have names. xarray wants a dimension scale on every axis
/// of every array, in the same group: so each axis gets one. The file must outlive it; errors are
/// those of Hdf5Writer.
class GroupWriter {
 public:
  GroupWriter(Hdf5Writer& file, std::string path);

  /// Makes the scale of an axis; without values, 0, 1, 2, ... An axis that exists is left as it is.
  void axis(const std::string& name, const std::vector<std::int64_t>& values);
  void axis(const std::string& name, const std::vector<double>& values);
  void axis(const std::string& name, std::int64_t length);

  /// A dataset with one axis name for each extent, whose axes exist.
  void dataset(const std::string& name, const std::vector<std::string>& axes, const Extents& shape,
               const ArrayView& values, const Caption& caption);

  /// As dataset(), stored with gzip if it is large (Hdf5Writer::packed_dataset).
  void packed_dataset(const std::string& name, const std::vector<std::string>& axes,
                      const Extents& shape, const std::vector<double>& values,
                      const Caption& caption);

  /// Adds attributes units, long_name and description (unless it is empty) to a dataset of the
  /// group.
  void caption(const std::string& dataset, const Caption& caption);
  /// Adds an attribute to the group.
  void attribute(const std::string& name, const AttributeValue& value);
  /// Adds an attribute to a dataset of the group.
  void dataset_attribute(const std::string& dataset, const std::string& name,
                         const AttributeValue& value);

  /// Says which array of the group is plotted over which axes by readers that know NeXus (H5Web,
  /// silx); `others` are drawn beside it. With Hdf5Writer::root_text("default", the group's name)
  /// it is what a file shows when it is opened.
  void plot(const std::string& signal, const std::vector<std::string>& axes,
            const std::string& title, const std::vector<std::string>& others = {});

 private:
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }
  void describe(const std::string& name, const std::vector<std::string>& axes,
                const Caption& caption);
  void add_axis(const std::string& name, std::size_t length, const ArrayView& values);

  Hdf5Writer& file_;
  std::string path_;
  std::vector<std::string> axes_;
};

/// Text that fits into an attribute, which HDF5 lets have 64 KiB: what is longer than 32 KiB is cut
/// and says how long it was.
[[nodiscard]] std::string attribute_text(const std::string& text);

}  // namespace icl::store
