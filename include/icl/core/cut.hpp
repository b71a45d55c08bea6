#pragma once

#include <cstdint>

namespace icl {

/// A product [m, n] of sums over k that tasks share in tiles of `tile` along m or n, its extent;
/// `other` is the other of the two.
struct Cut {
  std::int64_t extent, tile, other, k;
};

/// Whether tiles may be joined: whether the kernels in force give each element of a product the
/// bits that it has in the product of its tile alone.
///
/// OpenBLAS's AVX-512 kernels of 0.3.21 do, but for products of at most 10^6 terms, which have
/// kernels of their own: they add the terms of each element in order. Its AVX2 kernels have other
/// sums at other places of a product. A test multiplies both ways.
[[nodiscard]] bool may_join(const Cut&);

/// The extent of one task: the whole one for a thread that has all tasks to itself, if the tiles
/// may be joined, since a product packs its operands anew for each tile; else a tile.
[[nodiscard]] std::int64_t task_extent(const Cut&, int threads);

}  // namespace icl
