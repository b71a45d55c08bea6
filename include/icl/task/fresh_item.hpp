#pragma once

#include <cstdint>

#include "icl/core/random.hpp"

namespace icl::task {

/// The entries that a fresh item needs room for: `dimension` in whole groups of Stream.
[[nodiscard]] constexpr std::int64_t fresh_item_room(std::int64_t dimension) {
  constexpr auto group = static_cast<std::int64_t>(Stream::group);
  return (dimension + group - 1) / group * group;
}

/// Writes to row i of x [count, fresh_item_room(D)] what ItemSource(seed, purpose).draw(step, index
/// + i) writes to [D], and anything behind it: what is cut off nowhere, and is drawn several at a
/// time before any of it is read, is made in half the time.
void draw_fresh_items(std::int64_t seed, Purpose purpose, std::uint64_t step, std::uint64_t index,
                      std::int64_t count, std::int64_t dimension, float* x);

}  // namespace icl::task
