#pragma once

#include <optional>
#include <string>
#include <vector>

#include "icl/cli/commands.hpp"
#include "icl/config/sweep.hpp"
#include "icl/run/items_file.hpp"
#include "icl/sweep/plan.hpp"

/// What the commands that train a sweep have in common: the sweep as the command line has it, and
/// what it will cost.
namespace icl::cli {

/// Throws Error(usage), for more than 2^31 runs too, and for more than a million without --yes.
[[nodiscard]] config::Sweep load(const SweepCommand&);

/// "i/n" with 0 <= i < n; Error(usage) for anything else.
[[nodiscard]] sweep::Shard parse_shard(const std::string& text);

/// Where the runs' items are looked for; all must be there.
[[nodiscard]] run::ItemPlaces places_of(const SweepCommand&, const config::Sweep&);

/// Jobs at once: as asked for, or as many as fit on the CPUs of the affinity.
[[nodiscard]] int resolve_jobs(const SweepCommand&);

/// Seconds of each of the runs, which are sorted from the longest to the shortest, if none stops
/// early: the first and the last are measured, those in between lie on the line between them.
/// Nothing if one of the two cannot be measured.
[[nodiscard]] std::optional<std::vector<double>> forecast(const sweep::Plan& plan,
                                                          const std::vector<std::size_t>& runs,
                                                          int threads, const run::ItemPlaces&);

}  // namespace icl::cli
