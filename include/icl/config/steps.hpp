#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "icl/config/written.hpp"

namespace icl::config {

/// Steps FIRST <= step < LAST at equal distances, the first one included.
struct StepRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> last;  ///< not in it; none: up to the end of the run, that included
  std::int64_t every = 1;
  bool operator==(const StepRange&) const = default;
};

/// Steps of a run as text: "FIRST:LAST", "FIRST:LAST:EVERY" or a single step, several separated by
/// commas: "0:100, 31000:31500:10, 40000". As in intervene.*, LAST is not among them; without FIRST
/// a range begins at 0, without LAST it ends with the run. Throws Error(ExitCode::usage) that says
/// what is wrong with which part: no step, a range that descends, that goes on by 0, that is empty.
[[nodiscard]] std::vector<StepRange> parse_steps(std::string_view text);

/// The value of record.snapshot_steps; nothing if parse_steps() does not take the text.
[[nodiscard]] std::optional<std::vector<StepRange>> read_steps(std::string_view text);
using Steps = Written<std::vector<StepRange>, read_steps>;

/// The last step of a range in a run that ends at step `end`.
[[nodiscard]] std::int64_t last_of(const StepRange&, std::int64_t end);

/// All steps of the ranges in a run that ends at step `end`, rising, each once.
[[nodiscard]] std::vector<std::int64_t> steps_of(const std::vector<StepRange>&, std::int64_t end);

}  // namespace icl::config
