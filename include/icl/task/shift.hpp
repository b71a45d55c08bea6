#pragma once

#include <cstdint>

#include "icl/core/random.hpp"

namespace icl::task {

/// The place, below `starts`, at which a sequence begins: one of seed, purpose, step and sequence,
/// so that each set of sequences has places of its own.
[[nodiscard]] std::int32_t draw_shift(std::int64_t seed, Purpose purpose, std::uint64_t step,
                                      std::int64_t sequence, std::int64_t starts);

}  // namespace icl::task
