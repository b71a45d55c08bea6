#pragma once

#include <optional>
#include <string>

#include "icl/config/config.hpp"
#include "icl/run/items_file.hpp"

namespace icl::cli {

/// Seconds that making the items takes, and a step, and an evaluation.
struct RunSpeed {
  double setup_seconds = 0;
  double step_seconds = 0;
  double evaluation_seconds = 0;
};

/// Measured on a fraction of a second of real training, with at most 10000 items and sequences of
/// an evaluation. Where steps would take long (several seconds), on steps of fewer sequences, and
/// carried over in proportion: somewhat too slow, since small products are. Nothing if a step of
/// one sequence would still take long or much memory.
[[nodiscard]] std::optional<RunSpeed> measure_speed(const config::Config&, int threads,
                                                    const run::ItemPlaces& = {});

/// The time of a whole run at that speed, set-up and evaluations counted in, if nothing
/// stops it early.
[[nodiscard]] double run_seconds(const config::Config&, const RunSpeed&);

/// What a run would be: the resolved TOML, then as comments its parameter count, and the memory,
/// time (by measure_speed()) and file size that it would take. Writes nothing to disk.
[[nodiscard]] std::string dry_run(const config::Config&, int threads, const run::ItemPlaces& = {});

}  // namespace icl::cli
