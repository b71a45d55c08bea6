#include "icl/store/number_format.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace icl::store {
namespace {

using Kind = NumberFormat::Kind;

/// One number, converted from its bytes in either order.
template <class Value, class Stored>
Value converted(Stored x, Kind kind, bool big_endian) {
  auto bytes = std::bit_cast<std::array<std::byte, sizeof(Stored)>>(x);
  if (big_endian) std::ranges::reverse(bytes);
  std::array<Value, 1> value{};
  const auto finding = convert(bytes, {kind, static_cast<std::uint8_t>(sizeof(Stored)), big_endian},
                               std::span(value));
  EXPECT_EQ(finding.value_or(""), "");
  return value[0];
}

template <class Value, class Stored>
void expect_value(Value expected, Stored x, Kind kind) {
  for (const bool big : {false, true}) EXPECT_EQ((converted<Value>(x, kind, big)), expected);
}

template <class Value, class Stored>
std::string finding(Stored x, Kind kind) {
  std::array<Value, 1> value{};
  return convert(std::as_bytes(std::span(&x, 1)), {kind, sizeof(Stored), false}, std::span(value))
      .value_or("");
}

TEST(NumberFormat, IntegersOfAllWidths) {
  expect_value<float>(-128, std::int8_t{-128}, Kind::signed_integer);
  expect_value<float>(255, std::uint8_t{255}, Kind::unsigned_integer);
  expect_value<float>(-32768, std::int16_t{-32768}, Kind::signed_integer);
  expect_value<float>(65535, std::uint16_t{65535}, Kind::unsigned_integer);
  expect_value<float>(-16777215, std::int32_t{-16777215}, Kind::signed_integer);
  expect_value<float>(16777216, std::uint32_t{16777217}, Kind::unsigned_integer);  // nearest
  expect_value<float>(0x1p63F, std::numeric_limits<std::int64_t>::max(), Kind::signed_integer);
  expect_value<float>(0x1p64F, std::numeric_limits<std::uint64_t>::max(), Kind::unsigned_integer);
  expect_value<std::int64_t>(-5, std::int16_t{-5}, Kind::signed_integer);
  expect_value<std::int64_t>(4294967295, std::uint32_t{4294967295U}, Kind::unsigned_integer);
  expect_value<std::int64_t>(INT64_MIN, std::int64_t{INT64_MIN}, Kind::signed_integer);
  EXPECT_EQ((finding<std::int64_t>(std::uint64_t{1} << 63U, Kind::unsigned_integer)),
            "holds 9223372036854775808, more than 9223372036854775807");
}

TEST(NumberFormat, EveryHalfIsExact) {
  const auto half = [](std::uint16_t bits) {
    return converted<float>(bits, Kind::real, (bits & 1U) != 0);
  };
  EXPECT_EQ(half(0x3c00), 1.0F);
  EXPECT_EQ(half(0xc000), -2.0F);
  EXPECT_EQ(half(0x7bff), 65504.0F);
  EXPECT_EQ(half(0x0400), 0x1p-14F);
  EXPECT_EQ(half(0x0001), 0x1p-24F);
  EXPECT_EQ(half(0x03ff), 1023 * 0x1p-24F);
  EXPECT_EQ(half(0x3555), 0.333251953125F);
  EXPECT_TRUE(std::signbit(half(0x8000)));
  EXPECT_EQ(half(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half(0x7e00)));
  // Between neighbours there is always the same or twice the distance.
  for (std::uint16_t bits = 0; bits < 0x7bff; ++bits) {
    const float step = half(static_cast<std::uint16_t>(bits + 1)) - half(bits);
    EXPECT_EQ(step, std::ldexp(1.0F, std::max(bits >> 10, 1) - 25)) << bits;
  }
}

TEST(NumberFormat, DoublesAreRoundedToNearest) {
  expect_value<float>(1.0F, 1 + 0x1p-24, Kind::real);
  expect_value<float>(1 + 0x1p-22F, 1 + 0x1p-23 + 0x1p-24, Kind::real);
  expect_value<float>(-std::numeric_limits<float>::infinity(), -1e39, Kind::real);
  expect_value<float>(0.1F, 0.1F, Kind::real);
}

TEST(NumberFormat, LabelsMayBeFloatsThatAreWhole) {
  expect_value<std::int64_t>(-3, -3.0F, Kind::real);
  expect_value<std::int64_t>(std::int64_t{1} << 62U, 0x1p62, Kind::real);
  expect_value<std::int64_t>(1, std::uint16_t{0x3c00}, Kind::real);
  EXPECT_EQ((finding<std::int64_t>(0.5, Kind::real)), "holds 0.5, which is no whole number");
  EXPECT_EQ((finding<std::int64_t>(std::nan(""), Kind::real)),
            "holds nan, which is no whole number");
  EXPECT_EQ((finding<std::int64_t>(0x1p63, Kind::real)),
            "holds 9.223372036854776e+18, which is beyond 64 bits");
}

TEST(NumberFormat, BooleansAreZeroOrOne) {
  expect_value<float>(1, std::uint8_t{1}, Kind::boolean);
  expect_value<std::int64_t>(0, std::uint8_t{0}, Kind::boolean);
  EXPECT_EQ((finding<float>(std::uint8_t{2}, Kind::boolean)),
            "holds 2 where only false (0) and true (1) may stand");
  EXPECT_EQ((finding<std::int64_t>(std::uint8_t{255}, Kind::boolean)),
            "holds 255 where only false (0) and true (1) may stand");
}

TEST(NumberFormat, NothingElseIsTaken) {
  EXPECT_EQ((finding<float>(std::uint8_t{2}, Kind::real)), "is of no numeric type");
  EXPECT_EQ((finding<float>(std::uint16_t{2}, Kind::boolean)), "is of no numeric type");
  EXPECT_EQ((finding<float>(std::uint32_t{2}, Kind::other)), "is of no numeric type");
}

}  // namespace
}  // namespace icl::store
