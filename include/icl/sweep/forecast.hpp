#pragma once

#include <cstddef>
#include <span>

namespace icl::sweep {

/// Seconds until the last run has ended, when `workers` runs are trained at once and the next one
/// starts, in the order given, whenever one has ended. Zero for no runs; workers >= 1.
[[nodiscard]] double makespan(std::span<const double> run_seconds, std::size_t workers);

}  // namespace icl::sweep
