#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// HDF5 files as byte strings: hdf5_writer.hpp builds the image of a file in memory,
/// hdf5_reader.hpp reads such an image. Neither touches the disk. Paths are absolute,
/// "/group/dataset". HDF5 keeps process-wide state, so all objects of this header together are used
/// by one thread at a time.
namespace icl::store {

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

/// The value of an attribute. Lists of strings are for NeXus (`axes`, `auxiliary_signals`). Text is
/// UTF-8 of fixed length, which stands where its object does and is padded with NULs.
using AttributeValue = std::variant<std::int64_t, double, std::string, std::vector<std::string>>;

/// A column of a table; all columns of a table have one length. Text is stored in as many bytes as
/// its longest entry has.
struct Column {
  std::string name;
  std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> values;
};

/// Text of variable length is not read: it lies in HDF5's global heap, over which libhdf5 crashes
/// when a file is hostile.
enum class ElementType { float32, float64, int8, int32, int64, text, variable_text, other };
enum class NodeKind { group, dataset, other };

/// Whether reading may change float32 to float64 (exact) or back (rounds to nearest).
enum class Precision { exact, convert };

/// "1.10.8": the version of the HDF5 library.
[[nodiscard]] std::string hdf5_version();

/// The bytes with which an HDF5 file begins.
inline constexpr std::string_view hdf5_signature = "\x89HDF\r\n\x1a\n";

}  // namespace icl::store
