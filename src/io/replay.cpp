#include "icl/io/replay.hpp"

#include <fmt/format.h>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"

namespace icl::io {
namespace {

constexpr const char* kernel_set_name = "blas_kernel_set";

std::string recorded_kernel_set(const RunRecord& record) {
  for (const auto& [name, value] : record.provenance) {
    const auto* text = std::get_if<std::string>(&value);
    if (name == kernel_set_name && text != nullptr) return *text;
  }
  return "unknown";
}

train::State snapshot_state(const RunRecord& record, std::size_t index) {
  train::State state;
  state.progress.step = record.snapshot_steps[index];
  for (const auto& series : record.snapshots) {
    const std::size_t size = series.size() / record.snapshot_steps.size();
    const auto first = series.begin() + static_cast<std::ptrdiff_t>(index * size);
    state.parameters.emplace_back(first, first + static_cast<std::ptrdiff_t>(size));
  }
  return state;
}

/// The latest state in the record to replay from. A snapshot does not hold the running sums of its
/// epoch, so it must lie no later than the last evaluation before `step`, where they begin anew.
train::State nearest_state(const RunRecord& record, const train::Trainer& fresh,
                           std::int64_t step) {
  train::State best = first_state(record, fresh);
  const std::int64_t epoch = record.config.train.steps_per_epoch;
  const std::int64_t last_evaluation = step > 0 ? (step - 1) / epoch * epoch : 0;
  for (std::size_t i = 0; i < record.snapshot_steps.size(); ++i) {
    const std::int64_t at = record.snapshot_steps[i];
    if (at > best.progress.step && at <= last_evaluation) best = snapshot_state(record, i);
  }
  if (record.state) {
    const std::int64_t at = record.state->progress.step;
    const bool sums_hold = at < step || (at == step && at % epoch != 0);
    if (at > best.progress.step && sums_hold) best = *record.state;
  }
  return best;
}

}  // namespace

void require_same_bits(RunRecord& record, const std::string& name, KernelChange change) {
  if (record.numerics != numerics_version) {
    throw Error(
        ExitCode::cannot_create,
        fmt::format("'{}' was begun with numerics version {}; this program has {} and would "
                    "give other bits",
                    name, record.numerics, numerics_version));
  }
  const std::string before = recorded_kernel_set(record);
  const std::string now = blas_info().kernel_set;
  if (before == now) return;
  if (change == KernelChange::refuse) {
    throw Error(
        ExitCode::cannot_create,
        fmt::format("'{}' was begun with the BLAS kernels of {}; here {} would run and give "
                    "other bits. Set OPENBLAS_CORETYPE={}, or give --allow-kernel-change, "
                    "which marks the file",
                    name, before, now, before));
  }
  record.mixed_kernel_sets = true;
  set(record.provenance, kernel_set_name, now);
}

train::State first_state(const RunRecord& record, const train::Trainer& fresh) {
  return record.origin ? record.origin->state : fresh.state();
}

train::State state_at(const RunRecord& record, std::int64_t step, const Workers& workers) {
  train::Trainer trainer(record.config, workers);
  trainer.restore(nearest_state(record, trainer, step), train::Due::recorded);
  if (!trainer.replay(step)) {
    throw Error(ExitCode::check_failed,
                fmt::format("the replay differs from the recorded run: {}", trainer.fault()));
  }
  train::State state = trainer.state();
  const bool acquired_before = record.t_icl_step && *record.t_icl_step < step;
  state.progress.t_icl_step = acquired_before ? record.t_icl_step : std::nullopt;
  return state;
}

}  // namespace icl::io
