#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

/// How numbers are stored in files of any origin, and their conversion to the two types that this
/// program takes. Pure functions, for any thread.
namespace icl::store {

/// How one element is stored.
struct NumberFormat {
  /// real: IEEE binary16, binary32 or binary64. boolean: one byte, 0 or 1.
  enum class Kind : std::uint8_t { signed_integer, unsigned_integer, real, boolean, other };
  Kind kind = Kind::other;
  std::uint8_t bytes = 0;  ///< of an element: 1 to 8; reals 2, 4 or 8
  bool big_endian = false;
  bool operator==(const NumberFormat&) const = default;
};

/// The elements as float: exact for float16, float32, booleans and integers below 2^24, otherwise
/// rounded to nearest, and infinite beyond the range of float. There are `values.size()` elements.
/// Returns what is wrong with the first element that is not of its format (a boolean of 2).
[[nodiscard]] std::optional<std::string> convert(std::span<const std::byte> elements, NumberFormat,
                                                 std::span<float> values);

/// The elements as whole numbers; what is wrong with the first that is none, or none of 64 bits.
[[nodiscard]] std::optional<std::string> convert(std::span<const std::byte> elements, NumberFormat,
                                                 std::span<std::int64_t> values);

}  // namespace icl::store
