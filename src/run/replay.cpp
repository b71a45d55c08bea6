#include "icl/run/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/numerics.hpp"
#include "icl/train/schedule.hpp"
#include "icl/train/trainer.hpp"

namespace icl::run {
namespace {

/// The BLAS of a run's last stretch; nothing is known of a run without one.
BlasInfo recorded_blas(const RunRecord& record) {
  const Stretch last = record.provenance.empty() ? Stretch{} : record.provenance.back();
  return {last.blas, last.blas_kernel_set, last.blas_threading};
}

/// What a silent replay does not see: t_ICL and the integral of c1, up to the last evaluation
/// before `step`.
void keep_what_evaluations_left(const RunRecord& record, std::int64_t step, train::State& state) {
  train::Progress& p = state.progress;
  const train::Progress origin = record.origin ? record.origin->state.progress : train::Progress{};
  const bool acquired_before = record.t_icl_step && *record.t_icl_step < step;
  p.t_icl_step = acquired_before ? record.t_icl_step : std::nullopt;
  p.t_icl_refined = acquired_before ? record.t_icl_refined : std::nullopt;
  p.I_K = origin.I_K;
  p.c1 = origin.c1;
  const auto c1 = column(record, "c1");
  const auto I_K = column(record, "I_K");
  for (std::size_t row = 0; row < record.metric_steps.size() && !c1.empty(); ++row) {
    if (record.metric_steps[row] >= step || !std::isfinite(c1[row])) continue;
    p.I_K = I_K[row];
    p.c1 = c1[row];
  }
}

}  // namespace

std::filesystem::path remembered_folder(const RunRecord& record) {
  const auto last = std::find_if(record.provenance.rbegin(), record.provenance.rend(),
                                 [](const Stretch& s) { return !s.items_folder.empty(); });
  return last == record.provenance.rend() ? std::string() : last->items_folder;
}

std::optional<task::GivenItems> items_of(const RunRecord& record, ItemPlaces places) {
  if (places.folder.empty()) places.folder = remembered_folder(record);
  std::optional<task::GivenItems> items;
  try {
    items = read_items(record.config, places);
  } catch (const Error& error) {
    if (error.code() != ExitCode::bad_input) throw;
    throw Error(error.code(), fmt::format("{} (--set data.items=FILE.h5:/DATASET says where the "
                                          "run's items lie now)",
                                          error.what()));
  }
  if (items && items->hash != record.items_hash) {
    const std::string name = places.items.value_or(*record.config.data.items);
    const bool moved = places.items || places.novel_items;
    throw Error(
        ExitCode::bad_input,
        fmt::format("data.items = \"{}\" {} the run began: its items hash to {}, those of "
                    "the run to {}",
                    name, moved ? "are other items than those with which" : "has changed since",
                    items->hash, record.items_hash));
  }
  return items;
}

namespace {

void require_same_numerics(const RunRecord& record, const std::string& name) {
  const std::int64_t now = numerics_version(record.config);
  if (record.numerics == now) return;
  const std::string why =
      record.numerics < now
          ? fmt::format("since then {}", changes_since(record.numerics, record.config))
          : "a newer program began it";
  throw Error(ExitCode::cannot_create,
              fmt::format("'{}' was begun with numerics version {}; for its configuration this "
                          "program has {} and would give other bits: {}",
                          name, record.numerics, now, why));
}

}  // namespace

void require_same_bits(RunRecord& record, const std::string& name, KernelChange change) {
  require_same_numerics(record, name);
  const BlasInfo before = recorded_blas(record);
  const BlasInfo now = blas_info();
  if (before == now) return;
  const bool same_kernels = before.kernel_set == now.kernel_set;
  if (change == KernelChange::refuse_kernels && same_kernels) return;
  if (change != KernelChange::allow) {
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}' was last trained with the BLAS kernels of {} ({}); here those of "
                            "{} ({}) would run, and might give other bits. {}{}",
                            name, before.kernel_set, before.config, now.kernel_set, now.config,
                            same_kernels ? "Run a program with that BLAS"
                                         : fmt::format("Set OPENBLAS_CORETYPE={} on a CPU that can "
                                                       "run those kernels",
                                                       before.kernel_set),
                            change == KernelChange::offer
                                ? "; or --allow-kernel-change goes on, and marks the file"
                                : ""));
  }
  record.mixed_kernel_sets = true;
}

train::State first_state(const RunRecord& record, const train::Trainer& fresh) {
  return record.origin ? record.origin->state : fresh.state();
}

std::int64_t nearest_step(const RunRecord& record, std::int64_t step, Sums sums) {
  const train::Schedule evaluations = train::evaluation_schedule(record.config);
  std::int64_t nearest = first_step(record);
  if (snapshots_are_whole(record)) {
    // A snapshot does not hold the sums since the evaluation before it.
    const std::int64_t latest =
        sums == Sums::any ? step : (step > 0 ? evaluations.last_before(step) : 0);
    const auto behind = std::ranges::upper_bound(record.snapshot_steps, latest);
    if (behind != record.snapshot_steps.begin()) nearest = std::max(nearest, *std::prev(behind));
  }
  if (record.state) {
    // The sums of an evaluation's step may have begun anew there already.
    const std::int64_t at = record.state->progress.step;
    const bool sums_hold = at < step || (at == step && !evaluations.holds(at));
    if (at <= step && (sums == Sums::any || sums_hold)) nearest = std::max(nearest, at);
  }
  return nearest;
}

void restore_at(const RunRecord& record, std::int64_t step, train::Trainer& trainer) {
  constexpr auto recorded = train::Due::recorded;
  if (step == first_step(record)) {
    if (record.origin) trainer.restore(record.origin->state, recorded);
  } else if (record.state && record.state->progress.step == step) {
    trainer.restore(*record.state, recorded);
  } else {
    trainer.restore(state_of_snapshot(record, step), recorded);
  }
}

train::State state_at(const RunRecord& record, std::int64_t step, const Workers& workers,
                      const ItemPlaces& places) {
  train::Trainer trainer(record.config, workers, items_of(record, places));
  restore_at(record, nearest_step(record, step, Sums::right), trainer);
  if (!trainer.replay(step)) {
    throw Error(ExitCode::check_failed,
                fmt::format("the replay differs from the recorded run: {}", trainer.fault()));
  }
  train::State state = trainer.state();
  state.before.reset();  // a branch refines no further back than to its own beginning
  keep_what_evaluations_left(record, step, state);
  return state;
}

bool has_snapshot(const RunRecord& record, std::int64_t step) {
  return std::ranges::binary_search(record.snapshot_steps, step);
}

bool snapshots_are_whole(const RunRecord& record) {
  return !config::traits_of(record.config.train.optimizer).remembers ||
         record.config.record.optimizer;
}

std::size_t snapshot_index(const RunRecord& record, std::int64_t step) {
  const auto at = std::ranges::lower_bound(record.snapshot_steps, step);
  return static_cast<std::size_t>(at - record.snapshot_steps.begin());
}

std::span<const Real> at_snapshot(const RunRecord& record, const std::vector<Real>& series,
                                  std::int64_t step) {
  const std::size_t size = series.size() / record.snapshot_steps.size();
  return std::span(series).subspan(snapshot_index(record, step) * size, size);
}

train::State state_of_snapshot(const RunRecord& record, std::int64_t step) {
  train::State state;
  state.progress.step = step;
  state.parameters.reserve(record.snapshots.size());
  for (const auto& series : record.snapshots) {
    const auto values = at_snapshot(record, series, step);
    state.parameters.emplace_back(values.begin(), values.end());
  }
  if (!record.snapshot_moments.empty()) {
    state.moments = record.snapshot_moments[snapshot_index(record, step)];
  }
  return state;
}

train::Values parameters_at(const RunRecord& record, std::int64_t step, const Workers& workers) {
  return has_snapshot(record, step) ? state_of_snapshot(record, step).parameters
                                    : state_at(record, step, workers).parameters;
}

}  // namespace icl::run
