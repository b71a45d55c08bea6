#include "icl/io/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"
#include "icl/io/items_file.hpp"
#include "icl/io/numerics.hpp"
#include "icl/train/schedule.hpp"

namespace icl::io {
namespace {

/// The BLAS of a run's last stretch; nothing is known of a run without one.
BlasInfo recorded_blas(const RunRecord& record) {
  const Stretch last = record.provenance.empty() ? Stretch{} : record.provenance.back();
  return {last.blas, last.blas_kernel_set, last.blas_threading};
}

/// The latest state in the record to replay from. A snapshot does not hold the running sums of its
/// epoch, so it must lie no later than the last evaluation before `step`, where they begin anew.
train::State nearest_state(const RunRecord& record, const train::Trainer& fresh,
                           std::int64_t step) {
  train::State best = first_state(record, fresh);
  const train::Schedule evaluations = train::evaluation_schedule(record.config);
  const std::int64_t last_evaluation = step > 0 ? evaluations.last_before(step) : 0;
  const std::size_t snapshots = snapshots_are_whole(record) ? record.snapshot_steps.size() : 0;
  for (std::size_t i = 0; i < snapshots; ++i) {
    const std::int64_t at = record.snapshot_steps[i];
    if (at > best.progress.step && at <= last_evaluation) best = state_of_snapshot(record, at);
  }
  if (record.state) {
    const std::int64_t at = record.state->progress.step;
    const bool sums_hold = at < step || (at == step && !evaluations.holds(at));
    if (at > best.progress.step && sums_hold) best = *record.state;
  }
  return best;
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
    throw Error(
        ExitCode::cannot_create,
        fmt::format(
            "'{}' was last trained with the BLAS kernels of {} ({}); here those of "
            "{} ({}) would run, and might give other bits. {}--allow-kernel-change "
            "goes on, and marks the file",
            name, before.kernel_set, before.config, now.kernel_set, now.config,
            same_kernels ? "" : fmt::format("Set OPENBLAS_CORETYPE={}, or: ", before.kernel_set)));
  }
  record.mixed_kernel_sets = true;
}

train::State first_state(const RunRecord& record, const train::Trainer& fresh) {
  return record.origin ? record.origin->state : fresh.state();
}

train::State state_at(const RunRecord& record, std::int64_t step, const Workers& workers,
                      const ItemPlaces& places) {
  train::Trainer trainer(record.config, workers, items_of(record, places));
  trainer.restore(nearest_state(record, trainer, step), train::Due::recorded);
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
  return record.config.train.optimizer == config::Optimizer::sgd || record.config.record.optimizer;
}

train::State state_of_snapshot(const RunRecord& record, std::int64_t step) {
  const auto at = std::ranges::lower_bound(record.snapshot_steps, step);
  const auto index = static_cast<std::size_t>(at - record.snapshot_steps.begin());
  train::State state;
  state.progress.step = step;
  for (const auto& series : record.snapshots) {
    const std::size_t size = series.size() / record.snapshot_steps.size();
    const auto first = series.begin() + static_cast<std::ptrdiff_t>(index * size);
    state.parameters.emplace_back(first, first + static_cast<std::ptrdiff_t>(size));
  }
  if (!record.snapshot_moments.empty()) state.moments = record.snapshot_moments[index];
  return state;
}

train::Values parameters_at(const RunRecord& record, std::int64_t step, const Workers& workers) {
  return has_snapshot(record, step) ? state_of_snapshot(record, step).parameters
                                    : state_at(record, step, workers).parameters;
}

}  // namespace icl::io
