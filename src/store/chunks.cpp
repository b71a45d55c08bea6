#include "icl/store/chunks.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "icl/core/error.hpp"

namespace icl::store {
namespace {

constexpr std::size_t checksum_bytes = 4;

[[noreturn]] void refuse(const std::string& finding) { throw Error(ExitCode::bad_input, finding); }

bool applied(std::uint32_t mask, std::size_t filter) {
  return filter >= 32 || ((mask >> filter) & 1U) == 0;
}

std::vector<std::byte> inflate_exactly(std::span<const std::byte> stored, std::size_t bytes) {
  // One byte more than there may be, so that too many show.
  std::vector<std::byte> result(bytes + 1);
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  // zlib reads through a pointer to what it does not change. HDF5's chunks are below 4 GiB.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stored.data()));  // NOLINT
  stream.avail_in = static_cast<uInt>(stored.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int status = inflate(&stream, Z_FINISH);
  const std::size_t made = result.size() - stream.avail_out;
  const std::string reason = stream.msg == nullptr ? "it is cut short" : stream.msg;
  inflateEnd(&stream);
  if (made > bytes) refuse(fmt::format("inflates to more than its {} bytes", bytes));
  if (status != Z_STREAM_END) refuse(fmt::format("cannot be inflated: {}", reason));
  if (made < bytes) refuse(fmt::format("inflates to {} of its {} bytes", made, bytes));
  result.resize(bytes);
  return result;
}

std::vector<std::byte> unshuffled(const std::vector<std::byte>& stored, std::size_t size) {
  const std::size_t count = size == 0 ? 0 : stored.size() / size;
  if (size <= 1 || count <= 1) return stored;
  std::vector<std::byte> result(stored);  // what is left of an element stays at the end
  for (std::size_t byte = 0; byte < size; ++byte) {
    for (std::size_t i = 0; i < count; ++i) result[i * size + byte] = stored[byte * count + i];
  }
  return result;
}

/// Fletcher's checksum of 16-bit words, the first byte of each the higher, as HDF5 makes it.
std::uint32_t fletcher32(std::span<const std::byte> bytes) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  const auto fold = [](std::uint64_t sum) { return (sum & 0xffffU) + (sum >> 16U); };
  const auto add = [&](std::uint32_t word) {
    low += word;
    high += low;
  };
  constexpr std::size_t words_between_folds = 360;
  std::size_t words = 0;
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) {
    add((std::to_integer<std::uint32_t>(bytes[i]) << 8U) |
        std::to_integer<std::uint32_t>(bytes[i + 1]));
    if (++words % words_between_folds != 0) continue;
    low = fold(low);
    high = fold(high);
  }
  if (words % words_between_folds != 0) {
    low = fold(low);
    high = fold(high);
  }
  if (i < bytes.size()) {
    add(std::to_integer<std::uint32_t>(bytes[i]) << 8U);
    low = fold(low);
    high = fold(high);
  }
  low = fold(low);
  high = fold(high);
  return static_cast<std::uint32_t>((high << 16U) | low);
}

std::vector<std::byte> without_checksum(std::vector<std::byte> stored) {
  if (stored.size() < checksum_bytes) refuse("is too short for its checksum");
  const std::size_t bytes = stored.size() - checksum_bytes;
  std::uint32_t expected = 0;
  for (std::size_t i = 0; i < checksum_bytes; ++i) {
    expected |= std::to_integer<std::uint32_t>(stored[bytes + i]) << (8U * i);
  }
  stored.resize(bytes);
  const std::uint32_t found = fletcher32(stored);
  // HDF5 before 1.6.3 swapped the bytes of both halves.
  const std::uint32_t swapped = ((found & 0x00ff00ffU) << 8U) | ((found >> 8U) & 0x00ff00ffU);
  if (expected != found && expected != swapped) refuse("does not match its checksum");
  return stored;
}

}  // namespace

std::string filter_name(std::uint64_t number) {
  constexpr std::array<std::pair<std::uint64_t, std::string_view>, 14> names{{{1, "deflate"},
                                                                              {2, "shuffle"},
                                                                              {3, "fletcher32"},
                                                                              {4, "szip"},
                                                                              {5, "nbit"},
                                                                              {6, "scaleoffset"},
                                                                              {307, "bzip2"},
                                                                              {32000, "lzf"},
                                                                              {32001, "blosc"},
                                                                              {32004, "lz4"},
                                                                              {32008, "bitshuffle"},
                                                                              {32013, "zfp"},
                                                                              {32015, "zstd"},
                                                                              {32026, "blosc2"}}};
  const auto* const at =
      std::ranges::find(names, number, [](const auto& row) { return row.first; });
  return at == names.end() ? fmt::format("HDF5's filter {}", number)
                           : fmt::format("{} (HDF5's filter {})", at->second, number);
}

std::vector<std::byte> decode_chunk(std::vector<std::byte> stored, std::span<const Filter> filters,
                                    std::uint32_t mask, std::size_t bytes) {
  // How many bytes each filter was given; what deflate makes of them is anyone's guess.
  std::vector<std::size_t> given;
  std::size_t size = bytes;
  bool deflated = false;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    given.push_back(size);
    if (!applied(mask, i)) continue;
    if (filters[i].kind == FilterKind::fletcher32) size += checksum_bytes;
    if (filters[i].kind != FilterKind::deflate) continue;
    if (std::exchange(deflated, true)) refuse("was deflated twice");
  }
  for (std::size_t i = filters.size(); i-- > 0;) {
    if (!applied(mask, i)) continue;
    switch (filters[i].kind) {
      case FilterKind::deflate:
        stored = inflate_exactly(stored, given[i]);
        break;
      case FilterKind::shuffle:
        stored = unshuffled(stored, filters[i].element_bytes);
        break;
      case FilterKind::fletcher32:
        stored = without_checksum(std::move(stored));
        break;
    }
  }
  if (stored.size() != bytes) {
    refuse(fmt::format("has {} bytes, where {} are expected", stored.size(), bytes));
  }
  return stored;
}

}  // namespace icl::store
