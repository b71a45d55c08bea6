#pragma once

#include <optional>

#include "icl/config/conflict.hpp"

/// What find_conflict() looks for, by subject: the functions of a subject lie in its file.
namespace icl::config {

/// Keys that mean nothing in the system (systems_conflict.cpp).
[[nodiscard]] std::optional<Conflict> of_other_systems(const Config&);

/// Keys that do not go with data.task, and names in record.observers that there are not.
[[nodiscard]] std::optional<Conflict> in_task(const Config&);

/// Keys of [blocks] that do not go together, or not with those of other sections.
[[nodiscard]] std::optional<Conflict> in_blocks(const Config&);

/// Sizes that do not fit each other, and numbers that have too few bits for them; the steps of a
/// run (sizes_conflict.cpp).
[[nodiscard]] std::optional<Conflict> in_sizes(const Config&);
[[nodiscard]] std::optional<Conflict> in_steps(const Config&);

/// Of data.labels, data.items and what goes with K; of data.copies and data.novel
/// (data_conflict.cpp).
[[nodiscard]] std::optional<Conflict> in_data(const Config&);
[[nodiscard]] std::optional<Conflict> in_copies(const Config&);

/// Of eval.set, in itself and with other keys.
[[nodiscard]] std::optional<Conflict> in_eval_sets(const Config&);

/// Names of probes and activations that there are not, or not in the system; snapshots outside of
/// the run (record_conflict.cpp).
[[nodiscard]] std::optional<Conflict> in_probes(const Config&);
[[nodiscard]] std::optional<Conflict> in_activations(const Config&);
[[nodiscard]] std::optional<Conflict> in_snapshots(const Config&);

/// A head can be clamped to one thing at a time; steps lie in the run; and a learning rate times
/// the factors in force must still be a rate: 0 in float trains nothing
/// (intervention_conflict.cpp).
[[nodiscard]] std::optional<Conflict> in_clamps(const Config&);
[[nodiscard]] std::optional<Conflict> in_interventions(const Config&);
[[nodiscard]] std::optional<Conflict> in_rates(const Config&);

}  // namespace icl::config
