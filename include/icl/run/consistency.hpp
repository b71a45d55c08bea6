#pragma once

#include <optional>
#include <string>

#include "icl/run/run_record.hpp"

namespace icl::run {

/// What steps of a run contradict each other, as a sentence about "it"; nothing if none do. Those
/// of runs that this program made never do, and who goes on with a run relies on that.
[[nodiscard]] std::optional<std::string> contradiction(const RunRecord&);

}  // namespace icl::run
