#pragma once

#include <cstdint>
#include <vector>

namespace icl::train {

/// The steps after which all parameters are recorded: `count` of them, 0 first and the others
/// spaced evenly in log(step) from 1 to `last`, rounded, without repetitions (so there may be
/// fewer).
[[nodiscard]] std::vector<std::int64_t> snapshot_steps(std::int64_t count, std::int64_t last);

}  // namespace icl::train
