#include "icl/io/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "icl/core/error.hpp"
#include "icl/io/encode.hpp"
#include "icl/io/replay.hpp"

namespace icl::io {
namespace {

/// The first element in which two arrays differ, bit by bit; nothing if they are the same.
std::optional<std::size_t> first_difference(std::span<const Real> a, std::span<const Real> b) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  const auto [at, other] = std::ranges::mismatch(
      a, b, [](Real x, Real y) { return std::bit_cast<Bits>(x) == std::bit_cast<Bits>(y); });
  if (at == a.end()) return std::nullopt;
  return static_cast<std::size_t>(at - a.begin());
}

/// Trains a recorded run again, from step to step, and holds itself to the record.
class Retraining {
 public:
  Retraining(const RunRecord& record, const Workers& workers, const ItemPlaces& places,
             std::span<train::Observer* const> observers)
      : record_(record),
        trainer_(record.config, workers, items_of(record, places)),
        observers_(observers) {
    trainer_.restore(first_state(record, trainer_), train::Due::recorded);
    resume_holding();
  }

  /// The parameters after `to` steps, later than those asked for before.
  train::Trainer& go_to(std::int64_t to) {
    jump_before(to);
    go_on_to(to);
    return trainer_;
  }

  /// Goes on until something in the record has confirmed the last step asked for, if anything can.
  void settle() {
    while (held_ < step()) {
      const auto next = next_in_record();
      if (!next) return;
      go_on_to(*next);
    }
  }

 private:
  /// At the beginning: the running sums are nothing, or those of the parent.
  void resume_holding() {
    sums_hold_ = true;
    held_ = step();
  }

  [[nodiscard]] std::int64_t step() const { return trainer_.progress().step; }

  [[nodiscard]] Error differs(const std::string& what) const {
    return {ExitCode::check_failed,
            fmt::format("step {}: training again differs from the record: {}", step(), what)};
  }

  /// Goes to the latest snapshot or state before `to`, if that saves steps.
  void jump_before(std::int64_t to) {
    const auto behind = std::ranges::upper_bound(record_.snapshot_steps, to);
    const bool any = snapshots_are_whole(record_) && behind != record_.snapshot_steps.begin();
    const std::int64_t snapshot = any ? *std::prev(behind) : 0;
    const std::int64_t state = record_.state && record_.step <= to ? record_.step : 0;
    if (std::max(snapshot, state) <= step()) return;
    settle();
    if (std::max(snapshot, state) <= step()) return;
    if (state >= snapshot) {
      trainer_.restore(*record_.state, train::Due::recorded);
    } else {
      trainer_.restore(state_of_snapshot(record_, snapshot), train::Due::recorded);
    }
    // A snapshot does not hold the sums since the evaluation before it, but where there is one they
    // begin anew.
    sums_hold_ = state >= snapshot || is_evaluated(snapshot);
    held_ = step();
  }

  void go_on_to(std::int64_t to) {
    while (step() < to) {
      const std::int64_t next = std::min(to, next_in_record().value_or(to));
      if (!trainer_.replay(next)) throw differs(trainer_.fault());
      hold();
      for (train::Observer* observer : observers_) observer->stepped(trainer_.view());
    }
  }

  /// The next step of which the record holds something.
  [[nodiscard]] std::optional<std::int64_t> next_in_record() const {
    std::optional<std::int64_t> next;
    for (const auto* steps : {&record_.metric_steps, &record_.snapshot_steps}) {
      const auto after = std::ranges::upper_bound(*steps, step());
      if (after != steps->end()) next = std::min(*after, next.value_or(*after));
    }
    if (record_.state && record_.step > step()) {
      next = std::min(record_.step, next.value_or(record_.step));
    }
    return next;
  }

  [[nodiscard]] bool is_evaluated(std::int64_t step) const {
    return std::ranges::binary_search(record_.metric_steps, step);
  }

  void hold() {
    if (is_evaluated(step())) {
      if (sums_hold_) hold_to_metrics();
      sums_hold_ = true;  // they begin anew here
    }
    if (has_snapshot(record_, step())) {
      hold_to_parameters(state_of_snapshot(record_, step()).parameters, "/snapshots");
    }
    if (record_.state && record_.step == step()) {
      hold_to_parameters(record_.state->parameters, "/state");
    }
  }

  void hold_to_metrics() {
    const auto at = std::ranges::lower_bound(record_.metric_steps, step());
    const auto row = static_cast<std::size_t>(at - record_.metric_steps.begin());
    const train::Score score = train::training_score(trainer_.progress());
    const auto hold_to = [&](const char* name, double found) {
      const double expected = column(record_, name)[row];
      if (std::bit_cast<std::uint64_t>(expected) == std::bit_cast<std::uint64_t>(found)) return;
      throw differs(
          fmt::format("/metrics/{}[{}]: {} expected, {} found", name, row, expected, found));
    };
    hold_to("train_loss", score.loss);
    hold_to("train_accuracy", score.accuracy);
    held_ = step();
  }

  void hold_to_parameters(const train::Values& expected, const char* group) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto found = trainer_.readable_parameters()[i]->value.values();
      const auto at = first_difference(expected[i], found);
      if (!at) continue;
      throw differs(fmt::format("{}/{}, element {}: {} expected, {} found", group,
                                record_.parameters[i].name, *at, expected[i][*at], found[*at]));
    }
    held_ = step();
  }

  const RunRecord& record_;
  train::Trainer trainer_;
  std::span<train::Observer* const> observers_;
  bool sums_hold_ = false;  ///< whether the running sums are those of the run
  std::int64_t held_ = 0;   ///< the last step that the record confirmed
};

void append(std::span<const Real> values, std::vector<Real>& to) {
  to.insert(to.end(), values.begin(), values.end());
}

void append(const train::Snapshot& snapshot, Weights& to) {
  for (std::size_t i = 0; i < to.values.size(); ++i) {
    append(snapshot.parameters[i]->value.values(), to.values[i]);
  }
  for (std::size_t i = 0; i < to.activations.size(); ++i) {
    append(snapshot.activations[i], to.activations[i]);
  }
  if (!snapshot.moments.mean.empty()) to.moments.push_back(snapshot.moments);
}

void copy_snapshot(const RunRecord& record, std::int64_t step, Weights& to) {
  const train::State state = state_of_snapshot(record, step);
  for (std::size_t i = 0; i < to.values.size(); ++i) append(state.parameters[i], to.values[i]);
  if (!state.moments.mean.empty()) to.moments.push_back(state.moments);
  const auto at = std::ranges::lower_bound(record.snapshot_steps, step);
  const auto index = static_cast<std::size_t>(at - record.snapshot_steps.begin());
  for (std::size_t i = 0; i < to.activations.size(); ++i) {
    const std::span all(record.activations[i]);
    const std::size_t size = all.size() / record.snapshot_steps.size();
    append(all.subspan(index * size, size), to.activations[i]);
  }
}

}  // namespace

bool needs_training(const RunRecord& record, std::span<const std::int64_t> steps) {
  return !std::ranges::all_of(steps, [&](std::int64_t step) { return has_snapshot(record, step); });
}

Weights weights_at(const RunRecord& record, std::span<const std::int64_t> steps,
                   const Workers& workers, const ItemPlaces& places,
                   std::span<train::Observer* const> observers) {
  Weights weights{{steps.begin(), steps.end()},
                  std::vector<std::vector<Real>>(record.parameters.size()),
                  {},
                  std::vector<std::vector<Real>>(record.activations.size())};
  std::optional<Retraining> retraining;
  for (const std::int64_t step : steps) {
    if (has_snapshot(record, step)) {
      copy_snapshot(record, step, weights);
    } else {
      if (!retraining) retraining.emplace(record, workers, places, observers);
      append(retraining->go_to(step).snapshot(), weights);
    }
  }
  if (retraining) retraining->settle();
  return weights;
}

void write_parameters(GroupWriter& group, const std::vector<ParameterShape>& parameters,
                      const std::vector<std::int64_t>* steps,
                      const std::vector<std::vector<Real>>& values) {
  if (steps != nullptr) {
    group.axis("step", *steps);
    group.caption("step", step_caption());
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const ParameterShape& p = parameters[i];
    std::vector<std::string> axes = p.axes;
    Extents shape;
    for (std::size_t axis = 0; axis < p.axes.size(); ++axis) {
      group.axis(p.axes[axis], p.shape[axis]);
      shape.push_back(static_cast<std::uint64_t>(p.shape[axis]));
    }
    if (steps != nullptr) {
      axes.insert(axes.begin(), "step");
      shape.insert(shape.begin(), steps->size());
    }
    group.dataset(p.name, axes, shape, std::span(values[i]), {"1", p.name});
    group.dataset_attribute(p.name, "torch_name", p.name);
    group.dataset_attribute(p.name, "order", static_cast<std::int64_t>(i));
  }
}

}  // namespace icl::io
