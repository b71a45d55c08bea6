#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "icl/core/available_memory.hpp"
#include "icl/sweep/plan.hpp"

namespace icl::sweep {

/// Bytes that each of these runs takes at most, as run::footprint_of_training() has it, with so
/// many threads.
[[nodiscard]] std::vector<double> memory_of(const Plan&, std::span<const std::size_t> runs,
                                            int threads);

/// The most runs, up to `most`, that fit within the bounds whichever of them run at once; 0 if the
/// largest does not fit by itself.
[[nodiscard]] int jobs_that_fit(std::vector<double> bytes, int most,
                                const std::vector<MemoryBound>& bounds);

/// Bytes that the `jobs` largest of the runs take together.
[[nodiscard]] double memory_at_once(std::vector<double> bytes, int jobs);

}  // namespace icl::sweep
