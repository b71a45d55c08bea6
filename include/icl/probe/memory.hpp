#pragma once

#include <optional>

namespace icl::probe {

/// What probes carry from one evaluation to the next: part of a run's state.
struct Memory {
  double I_K = 0;  ///< integral of c1 over learning rate x step, up to the last evaluation
  std::optional<double> c1;  ///< at the last evaluation
  double elapsed = 0;        ///< learning rate x steps since then
  bool operator==(const Memory&) const = default;
};

}  // namespace icl::probe
