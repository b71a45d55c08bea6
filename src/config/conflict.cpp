#include "icl/config/conflict.hpp"

#include "conflicts.hpp"

namespace icl::config {

std::optional<Conflict> find_conflict(const Config& config) {
  for (const auto check :
       {of_other_systems, in_task, in_blocks, in_sizes, in_steps, in_data, in_copies, in_eval_sets,
        in_probes, in_activations, in_snapshots, in_clamps, in_interventions, in_rates}) {
    if (auto conflict = check(config)) return conflict;
  }
  return std::nullopt;
}

}  // namespace icl::config
