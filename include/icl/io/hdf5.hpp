#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// HDF5 files as byte strings: a writer that builds the image of a file in memory, and a reader of
/// such an image. Neither touches the disk. Paths are absolute, "/group/dataset". HDF5 keeps
/// process-wide state, so all objects of this header together are used by one thread at a time.
namespace icl::io {

/// Owns one HDF5 identifier (its hid_t); negative if none.
class Hdf5Handle {
 public:
  explicit Hdf5Handle(std::int64_t id = -1) noexcept : id_(id) {}
  ~Hdf5Handle();
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  [[nodiscard]] std::int64_t id() const noexcept { return id_; }

 private:
  std::int64_t id_;
};

/// Lengths of the axes of a dataset, row-major; empty for a scalar.
using Extents = std::vector<std::uint64_t>;

/// The values of a dataset. The span's type decides the type on disk (little-endian, IEEE).
using ArrayView =
    std::variant<std::span<const float>, std::span<const double>, std::span<const std::int8_t>,
                 std::span<const std::int32_t>, std::span<const std::int64_t>>;

/// The value of an attribute. Lists of strings are for NeXus (`axes`, `auxiliary_signals`).
using AttributeValue = std::variant<std::int64_t, double, std::string, std::vector<std::string>>;

enum class ElementType { float32, float64, int8, int32, int64, text, other };
enum class NodeKind { group, dataset, other };

/// Whether reading may change float32 to float64 (exact) or back (rounds to nearest).
enum class Precision { exact, convert };

/// "1.10.8": the version of the HDF5 library.
[[nodiscard]] std::string hdf5_version();

/// Bytes in front of the HDF5 data that HDF5 leaves to us: see envelope.hpp.
inline constexpr std::size_t user_block_bytes = 512;

/// Builds the image of an HDF5 file. Equal calls give equal bytes, in any process at any time:
/// there are no object times. Groups on the way to an object are made as needed. Everything it
/// throws is an Error(ExitCode::internal): a path used twice, a shape that contradicts its data, a
/// NUL in a string.
class Hdf5Writer {
 public:
  Hdf5Writer();

  /// Makes a group; one that exists already is left as it is.
  void group(const std::string& path);

  /// Adds an attribute to an existing object ("/" is the root group). Strings are UTF-8.
  void attribute(const std::string& path, const std::string& name, const AttributeValue& value);

  /// Writes a contiguous dataset; the product of `shape` is the number of `values`.
  void dataset(const std::string& path, const Extents& shape, const ArrayView& values);

  /// Writes a scalar dataset that holds a UTF-8 string of any length.
  void text(const std::string& path, const std::string& value);

  /// Makes an existing 1-D dataset a dimension scale with that name (attribute NAME).
  void scale(const std::string& path, const std::string& name);

  /// Attaches a scale to one axis of a dataset; their lengths agree. xarray wants every axis of
  /// every array to have one, in the same group.
  void attach_scale(const std::string& dataset, std::size_t axis, const std::string& scale);

  /// The file: a user block of zeros, then the HDF5 data. The writer is spent.
  [[nodiscard]] std::vector<std::byte> finish() &&;

 private:
  Hdf5Handle file_;
};

struct Child {
  std::string name;
  NodeKind kind;
  bool operator==(const Child&) const = default;
};

/// Reads the image of an HDF5 file. It takes nothing for granted: whatever is missing, or is of
/// another kind, type or shape than asked for, is an Error(ExitCode::bad_input) that names file,
/// object and finding, and nothing is allocated before it is known to be within the image. Links
/// other than hard links and data outside of the image are refused. HDF5 itself is not safe on
/// hostile bytes: check the image's hash first (envelope.hpp).
class Hdf5Reader {
 public:
  /// The image must outlive the reader; it is not copied. `name` stands for the file in messages.
  Hdf5Reader(std::span<const std::byte> image, std::string name);

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

  /// The value of an attribute of whichever of AttributeValue's types it has.
  [[nodiscard]] AttributeValue attribute_value(const std::string& path,
                                               const std::string& name) const;

  [[nodiscard]] Extents shape(const std::string& dataset) const;
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

  /// The string of a scalar text dataset.
  [[nodiscard]] std::string text(const std::string& dataset) const;

 private:
  Hdf5Handle file_;
  std::string name_;
  std::uint64_t image_bytes_;
};

}  // namespace icl::io
