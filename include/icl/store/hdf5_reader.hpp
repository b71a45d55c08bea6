#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "icl/store/hdf5.hpp"

namespace icl::store {

/// A member of a group.
struct Child {
  std::string name;
  NodeKind kind;
  bool operator==(const Child&) const = default;
};

/// Reads the image of an HDF5 file. It takes nothing for granted: whatever is missing, or is of
/// another kind, type or shape than asked for, is an Error(ExitCode::bad_input) that names file,
/// object and finding, and nothing is allocated before it is known to be within the image. Links
/// other than hard links and data outside of the image are refused. HDF5 itself is not safe on
/// hostile bytes: read files that others may have made in a child process first (isolated.hpp).
class Hdf5Reader {
 public:
  /// The image must outlive the reader; it is not copied. `name` stands for the file in messages.
  Hdf5Reader(std::span<const std::byte> image, std::string name);

  /// Whether there is an object at this path. A soft or external link on the way is an error.
  [[nodiscard]] bool exists(const std::string& path) const;

  /// Members of a group, sorted by the bytes of their names.
  [[nodiscard]] std::vector<Child> children(const std::string& group) const;

  /// Names of an object's attributes, sorted; those of dimension scales (CLASS, NAME,
  /// DIMENSION_LIST, REFERENCE_LIST) are among them.
  [[nodiscard]] std::vector<std::string> attributes(const std::string& path) const;

  /// T is one of AttributeValue's types; an attribute of another type is an error.
  template <class T>
  [[nodiscard]] T attribute(const std::string& path, const std::string& name) const;

  /// As attribute(), but nullopt if the object has no such attribute.
  template <class T>
  [[nodiscard]] std::optional<T> find_attribute(const std::string& path,
                                                const std::string& name) const;

  /// The value of an attribute of whichever of AttributeValue's types it has; nullopt for text of
  /// variable length, which is not read.
  [[nodiscard]] std::optional<AttributeValue> attribute_value(const std::string& path,
                                                              const std::string& name) const;

  /// An attribute of text of variable length, as Hdf5Writer::varying_text() writes it. It lies in
  /// the global heap, over which HDF5 crashes when a file is hostile: only for images of this
  /// program and in child processes (see Isolated).
  [[nodiscard]] std::string varying_text(const std::string& path, const std::string& name) const;

  /// Of a dataset, like all that follows.
  [[nodiscard]] Extents shape(const std::string& dataset) const;

  /// The path of the scale of each axis: "/metrics/step", or "none", or several with "+" between.
  [[nodiscard]] std::vector<std::string> scales(const std::string& dataset) const;
  [[nodiscard]] ElementType type(const std::string& dataset) const;

  /// The values of a dataset of exactly this shape. T is float, double, int8_t, int32_t or int64_t,
  /// and the type on disk is the same unless `precision` allows the other floating-point type.
  template <class T>
  [[nodiscard]] std::vector<T> read(const std::string& dataset, const Extents& expected,
                                    Precision precision = Precision::exact) const;

  /// As read(), for a dataset of any shape with at most that many elements.
  template <class T>
  [[nodiscard]] std::vector<T> read_at_most(const std::string& dataset, std::uint64_t max_elements,
                                            Precision precision = Precision::exact) const;

  /// The string of a scalar dataset of text, which is of fixed length.
  [[nodiscard]] std::string text(const std::string& dataset) const;

  /// A 1-D dataset of compounds of integers, floating-point numbers and text of fixed length: a
  /// column a member.
  [[nodiscard]] std::vector<Column> table(const std::string& dataset) const;

 private:
  Hdf5Handle file_;
  std::string name_;
  std::uint64_t image_bytes_;
};

}  // namespace icl::store
