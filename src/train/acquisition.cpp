#include "icl/train/acquisition.hpp"

namespace icl::train {

std::optional<Acquisition::Found> Acquisition::look(const Progress& progress, double icl_accuracy,
                                                    Past& past) const {
  if (progress.t_icl_step || !(icl_accuracy > acquired_accuracy)) return std::nullopt;
  const std::int64_t last = progress.step;
  if (!refine_ || !before_) return Found{last, std::nullopt};
  for (std::int64_t step = before_->step + 1; step < last; ++step) {
    if (!past.rewind(step)) break;
    if (past.icl_above(acquired_accuracy)) return Found{last, step};
  }
  return Found{last, last};
}

std::optional<Outcome> Acquisition::outcome_of(const Evaluation& evaluation) const {
  if (stop_.icl_accuracy && evaluation.on(task::Role::icl).accuracy > *stop_.icl_accuracy) {
    return Outcome::early_stopped;
  }
  if (stop_.c1 && evaluation.probes["c1"] < *stop_.c1) return Outcome::memorised;
  return std::nullopt;
}

}  // namespace icl::train
