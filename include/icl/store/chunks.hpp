#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "icl/store/hdf5.hpp"

/// The chunks of a dataset as they lie in a file, decoded here and not by libhdf5: HDF5 1.10 takes
/// a chunk that inflates to too little for a whole one, and hands on what its memory held before.
/// Here every chunk has exactly its size or is an Error. Pure functions, for any thread.
namespace icl::store {

/// HDF5's numbers of the filters that are decoded here.
enum class FilterKind : std::uint32_t { deflate = 1, shuffle = 2, fletcher32 = 3 };

struct Filter {
  FilterKind kind;
  std::uint32_t element_bytes = 0;  ///< of shuffle
  bool operator==(const Filter&) const = default;
};

/// "lzf (HDF5's filter 32000)": for a number that need not be a FilterKind.
[[nodiscard]] std::string filter_name(std::uint64_t number);

/// Undoes the filters, which are given in the order in which they were applied, all but those whose
/// bit in `mask` is set. Error(bad_input) if what comes out has not exactly `bytes` bytes, a
/// checksum is wrong, or deflate was applied twice; the message is a finding without a name.
[[nodiscard]] std::vector<std::byte> decode_chunk(std::vector<std::byte> stored,
                                                  std::span<const Filter>, std::uint32_t mask,
                                                  std::size_t bytes);

/// The most bytes that deflate makes of one (zlib: 1032).
inline constexpr std::uint64_t most_inflation = 1040;

/// Goes through the origins of the blocks that tile a shape, the last axis fastest. Neither has a
/// length of 0, and both have the same rank.
template <class Visit>
void for_each_block(const Extents& shape, const Extents& block, const Visit& visit) {
  Extents origin(shape.size(), 0);
  for (;;) {
    visit(static_cast<const Extents&>(origin));
    std::size_t axis = shape.size();
    for (;;) {
      if (axis == 0) return;
      --axis;
      // In this order there is no overflow.
      if (shape[axis] - origin[axis] > block[axis]) {
        origin[axis] += block[axis];
        break;
      }
      origin[axis] = 0;
    }
  }
}

}  // namespace icl::store
