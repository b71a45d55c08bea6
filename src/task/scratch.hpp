#pragma once

#include <cstdint>

#include "icl/core/batch.hpp"

namespace icl::task {

/// Sequences that are filled by one task.
inline constexpr std::int64_t sequence_tile = 16;

/// Each of these tasks has scratch of its own: fresh items, drawn some at a time, an item with
/// noise, and the noise.
inline constexpr std::int64_t items_at_once = 8;
inline constexpr std::int64_t noisy_slot = items_at_once;
inline constexpr std::int64_t noise_slot = items_at_once + 1;
inline constexpr std::int64_t scratch_slots = items_at_once + 2;

inline float* scratch_of(Batch& batch, std::int64_t b, std::int64_t slot) {
  return batch.fresh.item.row(b / sequence_tile * scratch_slots + slot);
}
inline std::int64_t scratch_rows(std::int64_t capacity) {
  return (capacity + sequence_tile - 1) / sequence_tile * scratch_slots;
}

}  // namespace icl::task
