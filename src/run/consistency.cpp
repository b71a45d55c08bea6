#include "icl/run/consistency.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace icl::run {

std::optional<std::string> contradiction(const RunRecord& run) {
  const std::int64_t last = config::last_step(run.config);
  const auto later = [&](std::int64_t step) { return step > run.step; };
  if (run.step > last) {
    return fmt::format("it stands at step {} of a run of {} steps", run.step, last);
  }
  const bool goes_on = run.status == RunStatus::running || run.status == RunStatus::interrupted;
  if (goes_on && !run.state)
    return fmt::format("it is {}, but has no /state", to_string(run.status));
  if (run.state && run.state->progress.step != run.step) {
    return fmt::format("its /state stands at step {}, the run at step {}", run.state->progress.step,
                       run.step);
  }
  if (run.status == RunStatus::done && run.stop_reason == "epochs" && run.step != last) {
    return fmt::format("it is done, at step {} of {}", run.step, last);
  }
  if (run.due == train::Due::open && std::ranges::binary_search(run.metric_steps, run.step)) {
    return fmt::format("its evaluation at step {} is recorded and still due", run.step);
  }
  for (const auto* steps : {&run.metric_steps, &run.snapshot_steps}) {
    if (!steps->empty() && later(steps->back())) {
      return fmt::format("it holds what was recorded at step {}, but stands at step {}",
                         steps->back(), run.step);
    }
  }
  for (const auto& step : {run.t_icl_step, run.t_icl_refined}) {
    if (step && (*step < 0 || later(*step))) {
      return fmt::format("ICL was acquired at step {}, but it stands at step {}", *step, run.step);
    }
  }
  if (run.origin && later(run.origin->state.progress.step)) {
    return fmt::format("it began at step {}, but stands at step {}",
                       run.origin->state.progress.step, run.step);
  }
  if (run.state && run.state->before && later(run.state->before->step)) {
    return fmt::format("/state/before is of step {}, but it stands at step {}",
                       run.state->before->step, run.step);
  }
  return std::nullopt;
}

}  // namespace icl::run
