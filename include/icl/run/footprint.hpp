#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/available_memory.hpp"
#include "icl/run/export_request.hpp"

namespace icl::run {

/// A part of the memory that a process takes at its peak.
struct MemoryPart {
  std::string what;
  double bytes = 0;
  std::string keys;     ///< that decide how much
  double reserved = 0;  ///< of address space, beside that: mapped but not used
};

/// Memory of a process by parts, computed from the configuration: nothing is allocated, no model is
/// made, no file is read (so data.items counts one exemplar of a class). At most: a run may stop
/// early; but the metrics are counted up to 2^20 evaluations only.
using Footprint = std::vector<MemoryPart>;
[[nodiscard]] double bytes_of(const Footprint&);

/// What one snapshot takes of a run file.
[[nodiscard]] double bytes_of_snapshot(const config::Config&);

/// Training into a file, as icl train and icl bench do.
[[nodiscard]] Footprint footprint_of_training(const config::Config&, int threads);
/// Training a recorded run again and comparing, as icl verify does.
[[nodiscard]] Footprint footprint_of_verifying(const config::Config&, int threads);
/// Training again from a state of a recorded run, into nothing: before a branch or a landscape.
[[nodiscard]] Footprint footprint_of_replaying(const config::Config&, int threads);
/// Training on from a state of such a run, which stays in memory.
[[nodiscard]] Footprint footprint_of_branching(const config::Config&, int threads);
/// Making a run that has got to `step` one that was planned longer, as plan_longer() does: before
/// training goes on.
[[nodiscard]] Footprint footprint_of_lengthening(const config::Config& recorded,
                                                 const config::Config& longer, std::int64_t step,
                                                 int threads);
/// `threads` of training again, where --weights needs it; otherwise 0.
[[nodiscard]] Footprint footprint_of_exporting(const config::Config&, const ExportRequest&,
                                               int threads);

/// A bound that a footprint does not fit in, and what it needs of it [bytes]: of memory, or where
/// the bound is one of this process of address space.
struct Shortage {
  MemoryBound bound;
  double needed = 0;
};
/// The first of them; nullopt where it fits in all.
[[nodiscard]] std::optional<Shortage> shortage_of(
    const Footprint&, const std::vector<MemoryBound>& bounds = memory_bounds());

/// Throws Error(ExitCode::resources) unless the footprint fits within all of the bounds: one
/// sentence with what is needed and what there is, of what, and the keys that count. `who` is its
/// subject: "this run".
void require_memory(const Footprint&, const std::string& who,
                    const std::vector<MemoryBound>& bounds = memory_bounds());

}  // namespace icl::run
