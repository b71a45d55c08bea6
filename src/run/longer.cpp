#include "icl/run/longer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/core/error.hpp"
#include "icl/run/replay.hpp"
#include "icl/run/weights.hpp"
#include "icl/train/schedule.hpp"

namespace icl::run {
namespace {

using Steps = std::vector<std::int64_t>;

/// The last step of which everything that was due is recorded.
std::int64_t recorded_to(const RunRecord& record) {
  return record.due == train::Due::open ? record.step - 1 : record.step;
}

/// What a schedule holds from the first step to the last one, inclusive.
Steps steps_of(const train::Schedule& schedule, std::int64_t first, std::int64_t last) {
  Steps steps;
  if (schedule.holds(first)) steps.push_back(first);
  for (auto step = schedule.next_after(first); step && *step <= last;
       step = schedule.next_after(*step)) {
    steps.push_back(*step);
  }
  return steps;
}

/// Throws if the longer run would have been another one before the step that this one has got to.
void require_same_so_far(const RunRecord& record, const config::Config& config,
                         const std::string& file) {
  if (record.status == RunStatus::done && record.stop_reason != "epochs") {
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}' stopped at step {} by stop.{}: with more epochs it would stop "
                            "there too",
                            file, record.step, record.stop_reason));
  }
  if (config.train.schedule != config::RateSchedule::constant) {
    throw Error(
        ExitCode::cannot_create,
        fmt::format("'{}' was trained under train.schedule = \"{}\" over {} steps: its learning "
                    "rate would have been another one in a run of {}",
                    file, config::word(config.train.schedule), config::last_step(record.config),
                    config::last_step(config)));
  }
  const Steps planned =
      steps_of(train::evaluation_schedule(config), first_step(record), recorded_to(record));
  if (planned == record.metric_steps) return;
  throw Error(
      ExitCode::cannot_create,
      fmt::format(
          "'{0}' was planned for {1} steps, and a run of {2} is evaluated at other steps on "
          "the way (eval.log_points, eval.every): icl branch '{0}' --at {3} --set "
          "train.epochs={4} --out NEW.h5 goes on in a file of its own",
          file, config::last_step(record.config), config::last_step(config), record.step,
          config.train.epochs));
}

/// The state of a run that is done, after what was due at its last step was recorded.
train::State last_state(const RunRecord& record, const Workers& workers, const ItemPlaces& places) {
  const bool is_there = snapshots_are_whole(record) && has_snapshot(record, record.step);
  train::State state = is_there ? state_of_snapshot(record, record.step)
                                : state_at(record, record.step, workers, places);
  train::Progress& p = state.progress;
  p = train::Progress{};
  p.step = record.step;
  p.t_icl_step = record.t_icl_step;
  p.t_icl_refined = record.t_icl_refined;
  if (record.origin) {
    p.I_K = record.origin->state.progress.I_K;
    p.c1 = record.origin->state.progress.c1;
  }
  const auto c1 = column(record, "c1");
  const auto I_K = column(record, "I_K");
  for (std::size_t row = 0; row < c1.size(); ++row) {
    if (!std::isfinite(c1[row])) continue;
    p.c1 = c1[row];
    p.I_K = I_K[row];
  }
  return state;
}

}  // namespace

bool is_longer(const config::Config& config, const config::Config& recorded) {
  config::Config same = recorded;
  same.train.epochs = config.train.epochs;
  return config::is_same_run(same, config) && config.train.epochs > recorded.train.epochs;
}

void plan_longer(RunRecord& record, const config::Config& config, const std::string& file,
                 const Workers& workers, const ItemPlaces& places) {
  require_same_so_far(record, config, file);
  const Steps planned =
      steps_of(train::snapshot_schedule(config), first_step(record), recorded_to(record));
  Weights snapshots = weights_at(record, planned, Wanted::snapshots, workers, places);
  if (!record.state) record.state = last_state(record, workers, places);
  record.snapshot_steps = std::move(snapshots.steps);
  record.snapshots = std::move(snapshots.values);
  record.snapshot_moments = std::move(snapshots.moments);
  record.activations = std::move(snapshots.activations);
  record.config.train.epochs = config.train.epochs;
  record.status = RunStatus::running;
  record.stop_reason.clear();
}

}  // namespace icl::run
