#include "icl/store/number_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace icl::store {
namespace {

using Finding = std::optional<std::string>;

/// The value of an IEEE binary16.
float half(std::uint16_t bits) noexcept {
  constexpr int exponent_bits = 0x1f;
  constexpr int fraction_digits = 10;
  const auto exponent = static_cast<int>((bits >> 10U) & 0x1fU);
  const auto fraction = static_cast<int>(bits & 0x3ffU);
  float size = 0;
  if (exponent == exponent_bits) {
    size = fraction == 0 ? std::numeric_limits<float>::infinity()
                         : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    size = std::ldexp(static_cast<float>(fraction), 1 - 15 - fraction_digits);
  } else {
    size = std::ldexp(static_cast<float>(fraction + (1 << fraction_digits)),
                      exponent - 15 - fraction_digits);
  }
  return (bits & 0x8000U) != 0 ? -size : size;
}

float rounded(double x) noexcept {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr double largest = std::numeric_limits<float>::max();
  if (x > largest) return infinity;
  return x < -largest ? -infinity : static_cast<float>(x);
}

struct Half {
  std::uint16_t bits;
};
struct Boolean {
  std::uint8_t value;
};

Finding take(Half x, float& value) {
  value = half(x.bits);
  return std::nullopt;
}
Finding take(Boolean x, float& value) {
  value = x.value;
  if (x.value <= 1) return std::nullopt;
  return fmt::format("holds {} where only false (0) and true (1) may stand", x.value);
}
Finding take(double x, float& value) {
  value = rounded(x);
  return std::nullopt;
}
template <class T>
Finding take(T x, float& value) {
  value = static_cast<float>(x);
  return std::nullopt;
}

Finding take(double x, std::int64_t& value) {
  constexpr double limit = 0x1p63;
  if (!(std::trunc(x) == x)) return fmt::format("holds {}, which is no whole number", x);
  if (!(x >= -limit && x < limit)) return fmt::format("holds {}, which is beyond 64 bits", x);
  value = static_cast<std::int64_t>(x);
  return std::nullopt;
}
Finding take(float x, std::int64_t& value) { return take(static_cast<double>(x), value); }
Finding take(Half x, std::int64_t& value) { return take(half(x.bits), value); }
Finding take(Boolean x, std::int64_t& value) {
  float number = 0;
  Finding finding = take(x, number);
  value = x.value;
  return finding;
}
Finding take(std::uint64_t x, std::int64_t& value) {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (x > largest) return fmt::format("holds {}, more than {}", x, largest);
  value = static_cast<std::int64_t>(x);
  return std::nullopt;
}
template <class T>
Finding take(T x, std::int64_t& value) {
  value = static_cast<std::int64_t>(x);  // NOLINT(bugprone-signed-char-misuse): a number
  return std::nullopt;
}

/// The element that begins there.
template <class T>
T load(const std::byte* at, bool big_endian) noexcept {
  std::array<std::byte, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), at, sizeof(T));
  if (big_endian) std::ranges::reverse(bytes);
  return std::bit_cast<T>(bytes);
}

template <class T, class Value>
Finding convert_all(std::span<const std::byte> elements, bool big_endian, std::span<Value> values) {
  static_assert(std::endian::native == std::endian::little);
  assert(elements.size() == values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Finding finding = take(load<T>(elements.data() + i * sizeof(T), big_endian), values[i]);
    if (finding) return finding;
  }
  return std::nullopt;
}

template <class Value>
Finding convert_any(std::span<const std::byte> elements, NumberFormat format,
                    std::span<Value> values) {
  const auto as = [&]<class T>(T) { return convert_all<T>(elements, format.big_endian, values); };
  using Kind = NumberFormat::Kind;
  switch (format.kind) {
    case Kind::signed_integer:
      if (format.bytes == 1) return as(std::int8_t{});
      if (format.bytes == 2) return as(std::int16_t{});
      if (format.bytes == 4) return as(std::int32_t{});
      if (format.bytes == 8) return as(std::int64_t{});
      break;
    case Kind::unsigned_integer:
      if (format.bytes == 1) return as(std::uint8_t{});
      if (format.bytes == 2) return as(std::uint16_t{});
      if (format.bytes == 4) return as(std::uint32_t{});
      if (format.bytes == 8) return as(std::uint64_t{});
      break;
    case Kind::real:
      if (format.bytes == 2) return as(Half{});
      if (format.bytes == 4) return as(float{});
      if (format.bytes == 8) return as(double{});
      break;
    case Kind::boolean:
      if (format.bytes == 1) return as(Boolean{});
      break;
    case Kind::other:
      break;
  }
  return "is of no numeric type";
}

}  // namespace

std::optional<std::string> convert(std::span<const std::byte> elements, NumberFormat format,
                                   std::span<float> values) {
  return convert_any(elements, format, values);
}

std::optional<std::string> convert(std::span<const std::byte> elements, NumberFormat format,
                                   std::span<std::int64_t> values) {
  return convert_any(elements, format, values);
}

}  // namespace icl::store
