#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "icl/core/isa.hpp"

namespace icl {

/// The loops of Stream, in both instruction sets.
struct RandomLoops {
  /// A stream: Philox's key, and the counter of its first block that is wanted.
  struct Place {
    std::array<std::uint32_t, 4> counter;
    std::uint64_t key;
  };

  /// Fills out with the words of blocks counter, counter + 1, ...
  void (*words)(Place, std::span<std::uint32_t> out);

  /// Fills out with normal variates times `scale`, each rounded before and after; sixteen blocks
  /// give 64, as Stream::normals says. More than one stream at once: each fills out.size() /
  /// streams entries, and the index, counter[1], is one higher from each to the next.
  void (*normals)(Place, std::size_t streams, float scale, std::span<float> out);
};

namespace avx2 {
extern const RandomLoops random_loops;
}
namespace avx512 {
extern const RandomLoops random_loops;
}

}  // namespace icl
