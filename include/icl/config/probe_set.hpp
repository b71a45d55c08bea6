#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/system.hpp"

namespace icl::config {

/// The probes that probe.record names; each stands for the columns of its rows in probe/probes.cpp.
enum class ProbeName : std::uint8_t {
  memorisation,  ///< c1, c2, c3, I_K
  effective,     ///< effective beta and w
  attention,     ///< where the target looks
  margins,       ///< of the two paths
  alignment,     ///< of W_k^T W_q with the identity
  lesions,       ///< losses and accuracies with one sub-circuit cut
  norms,         ///< of each parameter, gradient and update
};

struct ProbeRow {
  std::string_view name;
  ProbeName probe;
  Need need;  ///< of the system
};
[[nodiscard]] std::span<const ProbeRow> probe_rows();

[[nodiscard]] bool has_probe(System, ProbeName);

/// The probes that a run records: those of probe.record, or all that its system has; none if
/// probe.sequences is 0.
[[nodiscard]] std::vector<ProbeName> probes_of(const Config&);

}  // namespace icl::config
