#pragma once

#include <cstdint>
#include <span>

#include "icl/core/random.hpp"

namespace icl::task {

/// The bursty rule: N items drawn uniformly with replacement from K; if the last does not occur
/// among the first N-1, it is replaced by one of those, chosen uniformly. So the context always
/// holds at least one copy of the target, items[N-1].
void draw_bursty(const Stream&, std::uint32_t item_count, std::span<std::int32_t> items);

/// N distinct items of K >= N, in uniformly random order: the target never occurs in its context.
void draw_distinct(const Stream&, std::uint32_t item_count, std::span<std::int32_t> items);

/// The bursty rule at K = infinity, where no two drawn items are equal: fair labels +1 or -1 for
/// the N-1 items of the context. Returns the position of the one that the target is a copy of.
std::int32_t draw_fresh(const Stream&, std::span<std::int8_t> labels);

}  // namespace icl::task
