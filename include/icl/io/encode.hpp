#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "icl/io/hdf5_writer.hpp"
#include "icl/io/run_record.hpp"

namespace icl::io {

inline constexpr const char* run_format = "icl run";
inline constexpr std::int64_t run_format_version = 2;

/// The bytes of the run file: envelope and HDF5 image. Everything that may differ between two equal
/// runs is in /provenance.
[[nodiscard]] std::vector<std::byte> encode(const RunRecord&);

/// Writes datasets of one group whose axes have names. xarray wants a dimension scale on every axis
/// of every array, in the same group: so each axis gets one.
class GroupWriter {
 public:
  GroupWriter(Hdf5Writer& file, std::string path);

  /// Makes the scale of an axis; without values, 0, 1, 2, ... An axis that exists is left as it is.
  void axis(const std::string& name, const std::vector<std::int64_t>& values);
  void axis(const std::string& name, const std::vector<double>& values);
  void axis(const std::string& name, std::int64_t length);

  /// A dataset with one axis name for each extent, whose axes exist.
  void dataset(const std::string& name, const std::vector<std::string>& axes, const Extents& shape,
               const ArrayView& values, const std::string& units, const std::string& long_name);

  void attribute(const std::string& name, const AttributeValue& value);
  void dataset_attribute(const std::string& dataset, const std::string& name,
                         const AttributeValue& value);

 private:
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }
  void add_axis(const std::string& name, std::size_t length, const ArrayView& values);

  Hdf5Writer& file_;
  std::string path_;
  std::vector<std::string> axes_;
};

}  // namespace icl::io
