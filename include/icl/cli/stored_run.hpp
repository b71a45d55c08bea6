#pragma once

#include <optional>
#include <string>

#include "icl/cli/session.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"

namespace icl::cli {

/// The run of a file with which a session goes on.
struct StoredRun {
  run::RunRecord record;
  run::ItemPlaces places;  ///< of its items, as the session has them
  bool longer = false;     ///< is to go on for more epochs than it was planned for
};

/// The run in the session's file; nothing if there is no file, or it is not to be resumed. Its
/// items may lie elsewhere than it says, if their hash is the same. Throws Error(cannot_create) if
/// it is another run than the session's, or has more epochs; and as read_run() and items_of() do.
[[nodiscard]] std::optional<StoredRun> stored_run(const Session&);

/// Refuses a run whose bits training again would not give: throws as require_same_bits() (of
/// kernels, not of their version: what they give is compared), or Error(check_failed) for a run
/// that was resumed under other kernels. `file` names it.
void require_reproducible(run::RunRecord& recorded, const std::string& file);

/// Where `--set data.items=FILE:/DATASET` (and data.novel_items) says that a run's items lie now.
/// Throws Error(usage) for an override of any other key.
[[nodiscard]] run::ItemPlaces moved_items(const config::Config& recorded,
                                          std::span<const std::string> overrides);

/// What of the configurations tells where the items lie, taken over from `recorded`.
[[nodiscard]] config::Config with_places_of(const config::Config& recorded, config::Config config);

}  // namespace icl::cli
