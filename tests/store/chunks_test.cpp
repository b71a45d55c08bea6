#include "icl/store/chunks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>
#include <vector>

#include "icl/core/error.hpp"
#include "support/errors.hpp"

namespace icl::store {
namespace {

using test::expect_error;
using Bytes = std::vector<std::byte>;

constexpr Filter deflate_filter{FilterKind::deflate};
constexpr Filter shuffle_by_4{FilterKind::shuffle, 4};
constexpr Filter checksum{FilterKind::fletcher32};

Bytes some_bytes(std::size_t count) {
  std::mt19937 random(3);
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = std::byte(random() % 5);
  return bytes;
}

Bytes deflated(const Bytes& bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes result(size);
  compress2(reinterpret_cast<Bytef*>(result.data()), &size,
            reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), 6);
  result.resize(size);
  return result;
}

Bytes decode(const Bytes& stored, const std::vector<Filter>& filters, std::uint32_t mask,
             std::size_t bytes) {
  return decode_chunk(stored, filters, mask, bytes);
}

TEST(Chunks, WithoutFiltersTheSizeIsExact) {
  const Bytes bytes = some_bytes(24);
  EXPECT_EQ(decode(bytes, {}, 0, 24), bytes);
  expect_error(ExitCode::bad_input, "has 24 bytes, where 25 are expected",
               [&] { decode(bytes, {}, 0, 25); });
  expect_error(ExitCode::bad_input, "has 24 bytes, where 23 are expected",
               [&] { decode(bytes, {}, 0, 23); });
}

// HDF5 1.10.8 takes such a chunk, and gives what its memory held before for what is missing.
TEST(Chunks, AnInflatedChunkHasItsSizeExactly) {
  const Bytes bytes = some_bytes(12000);
  EXPECT_EQ(decode(deflated(bytes), {deflate_filter}, 0, 12000), bytes);
  for (const std::size_t size : {0U, 1U, 11900U, 11999U}) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    expect_error(ExitCode::bad_input, "inflates to " + std::to_string(size) + " of its 12000 bytes",
                 [&] { decode(deflated(part), {deflate_filter}, 0, 12000); });
  }
  expect_error(ExitCode::bad_input, "inflates to more than its 11999 bytes",
               [&] { decode(deflated(bytes), {deflate_filter}, 0, 11999); });
  expect_error(ExitCode::bad_input, "inflates to more than its 10 bytes",
               [&] { decode(deflated(Bytes(1 << 20U)), {deflate_filter}, 0, 10); });
}

TEST(Chunks, DamagedStreamsAreFound) {
  const Bytes bytes = some_bytes(1000);
  Bytes stored = deflated(bytes);
  Bytes cut(stored.begin(), stored.end() - 1);
  expect_error(ExitCode::bad_input, "cannot be inflated: it is cut short",
               [&] { decode(cut, {deflate_filter}, 0, 1000); });
  expect_error(ExitCode::bad_input, "cannot be inflated",
               [&] { decode({}, {deflate_filter}, 0, 1000); });
  stored.back() ^= std::byte{1};
  expect_error(ExitCode::bad_input, "cannot be inflated: incorrect data check",
               [&] { decode(stored, {deflate_filter}, 0, 1000); });
  expect_error(ExitCode::bad_input, "cannot be inflated: incorrect header check",
               [&] { decode(bytes, {deflate_filter}, 0, 1000); });
}

TEST(Chunks, ShuffledBytesAreSetInOrder) {
  Bytes stored;
  for (const int byte : {0, 4, 1, 5, 2, 6, 3, 7, 8, 9}) stored.push_back(std::byte(byte));
  Bytes expected;
  for (int byte = 0; byte < 10; ++byte) expected.push_back(std::byte(byte));
  EXPECT_EQ(decode(stored, {shuffle_by_4}, 0, 10), expected);
  EXPECT_EQ(decode(expected, {{FilterKind::shuffle, 1}}, 0, 10), expected);
  EXPECT_EQ(decode(expected, {{FilterKind::shuffle, 0}}, 0, 10), expected);
  EXPECT_EQ(decode(expected, {{FilterKind::shuffle, 11}}, 0, 10), expected);
}

TEST(Chunks, ChecksumsAreThoseOfHdf5) {
  // Of the bytes 1 to 6 and of 1 to 5: words 0x0102 0x0304 0x0506 or 0x0500.
  Bytes stored;
  for (const int byte : {1, 2, 3, 4, 5, 6}) stored.push_back(std::byte(byte));
  Bytes even = stored;
  for (const int byte : {0x0c, 0x09, 0x14, 0x0e}) even.push_back(std::byte(byte));
  EXPECT_EQ(decode(even, {checksum}, 0, 6), stored);
  Bytes swapped = stored;
  for (const int byte : {0x09, 0x0c, 0x0e, 0x14}) swapped.push_back(std::byte(byte));
  EXPECT_EQ(decode(swapped, {checksum}, 0, 6), stored);
  even[2] ^= std::byte{8};
  expect_error(ExitCode::bad_input, "does not match its checksum",
               [&] { decode(even, {checksum}, 0, 6); });
  expect_error(ExitCode::bad_input, "is too short for its checksum",
               [&] { decode({std::byte{1}}, {checksum}, 0, 6); });
}

TEST(Chunks, FiltersThatWereNotAppliedAreLeftOut) {
  const Bytes bytes = some_bytes(400);
  const std::vector<Filter> all{shuffle_by_4, deflate_filter};
  EXPECT_EQ(decode(bytes, all, 3, 400), bytes);
  EXPECT_EQ(decode(deflated(bytes), all, 1, 400), bytes);
  EXPECT_EQ(decode(bytes, {checksum}, 1, 400), bytes);
  expect_error(ExitCode::bad_input, "cannot be inflated", [&] { decode(bytes, all, 1, 400); });
  expect_error(ExitCode::bad_input, "was deflated twice", [&] {
    decode(bytes, {deflate_filter, deflate_filter}, 0, 400);
  });
}

TEST(Chunks, FiltersHaveNames) {
  EXPECT_EQ(filter_name(32000), "lzf (HDF5's filter 32000)");
  EXPECT_EQ(filter_name(4), "szip (HDF5's filter 4)");
  EXPECT_EQ(filter_name(777), "HDF5's filter 777");
}

TEST(Chunks, BlocksTileAShapeTheLastAxisFastest) {
  std::vector<Extents> origins;
  for_each_block({5, 4}, {2, 3}, [&](const Extents& origin) { origins.push_back(origin); });
  EXPECT_THAT(origins, ::testing::ElementsAre(Extents{0, 0}, Extents{0, 3}, Extents{2, 0},
                                              Extents{2, 3}, Extents{4, 0}, Extents{4, 3}));
  origins.clear();
  for_each_block({UINT64_MAX}, {UINT64_MAX - 1}, [&](const Extents& o) { origins.push_back(o); });
  EXPECT_EQ(origins.size(), 2U);
}

}  // namespace
}  // namespace icl::store
