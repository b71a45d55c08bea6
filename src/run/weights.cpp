#include "icl/run/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/replay.hpp"
#include "icl/train/trainer.hpp"

namespace icl::run {
namespace {

/// The first element in which two arrays differ, bit by bit; nothing if they are the same.
std::optional<std::size_t> first_difference(std::span<const Real> a, std::span<const Real> b) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  const auto [at, other] = std::ranges::mismatch(
      a, b, [](Real x, Real y) { return std::bit_cast<Bits>(x) == std::bit_cast<Bits>(y); });
  if (at == a.end()) return std::nullopt;
  return static_cast<std::size_t>(at - a.begin());
}

/// The configuration of a run, without what is recorded beside the parameters if these will do.
config::Config config_for(const RunRecord& record, Wanted wanted) {
  config::Config config = record.config;
  if (wanted == Wanted::parameters) config.record.activations.reset();
  return config;
}

/// Trains a recorded run again, from step to step, and holds itself to the record.
class Retraining {
 public:
  Retraining(const RunRecord& record, Wanted wanted, const Workers& workers,
             const ItemPlaces& places, std::span<train::Observer* const> observers)
      : record_(record),
        trainer_(config_for(record, wanted), workers, items_of(record, places)),
        observers_(observers) {
    restore_at(record, first_step(record), trainer_);
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
    const std::int64_t nearest = nearest_step(record_, to, Sums::any);
    if (nearest <= step()) return;
    settle();
    if (nearest <= step()) return;
    restore_at(record_, nearest, trainer_);
    // A snapshot does not hold the sums since the evaluation before it, but where there is one they
    // begin anew.
    sums_hold_ = (record_.state && record_.step == nearest) || is_evaluated(nearest);
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
      hold_to_parameters("/snapshots", [&](std::size_t i) {
        return at_snapshot(record_, record_.snapshots[i], step());
      });
    }
    if (record_.state && record_.step == step()) {
      hold_to_parameters("/state",
                         [&](std::size_t i) { return std::span(record_.state->parameters[i]); });
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
    if (!column(record_, "train_accuracy").empty()) hold_to("train_accuracy", score.accuracy);
    held_ = step();
  }

  void hold_to_parameters(const char* group, const auto& expected_of) {
    for (std::size_t i = 0; i < record_.parameters.size(); ++i) {
      const std::span<const Real> expected = expected_of(i);
      const auto found = trainer_.readable_parameters()[i]->value.values();
      const auto at = first_difference(expected, found);
      if (!at) continue;
      throw differs(fmt::format("{}/{}, element {}: {} expected, {} found", group,
                                record_.parameters[i].name, *at, expected[*at], found[*at]));
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

/// What a trainer holds where it stands.
void append_trained(train::Trainer& trainer, Wanted wanted, Weights& to) {
  for (std::size_t i = 0; i < to.values.size(); ++i) {
    append(trainer.readable_parameters()[i]->value.values(), to.values[i]);
  }
  if (wanted == Wanted::parameters) return;
  train::Snapshot snapshot = trainer.snapshot();
  for (std::size_t i = 0; i < to.activations.size(); ++i) {
    append(snapshot.activations[i], to.activations[i]);
  }
  if (!snapshot.moments.tensors.empty()) to.moments.push_back(std::move(snapshot.moments));
}

void append_recorded(const RunRecord& record, std::int64_t step, Wanted wanted, Weights& to) {
  for (std::size_t i = 0; i < to.values.size(); ++i) {
    append(at_snapshot(record, record.snapshots[i], step), to.values[i]);
  }
  if (wanted == Wanted::parameters) return;
  for (std::size_t i = 0; i < to.activations.size(); ++i) {
    append(at_snapshot(record, record.activations[i], step), to.activations[i]);
  }
  if (record.snapshot_moments.empty()) return;
  to.moments.push_back(record.snapshot_moments[snapshot_index(record, step)]);
}

/// Nothing yet, with room for these steps.
Weights room_for(const RunRecord& record, std::span<const std::int64_t> steps, Wanted wanted) {
  Weights weights;
  weights.steps.assign(steps.begin(), steps.end());
  weights.values.resize(record.parameters.size());
  for (std::size_t i = 0; i < weights.values.size(); ++i) {
    std::size_t size = steps.size();
    for (const std::int64_t extent : record.parameters[i].shape) {
      size *= static_cast<std::size_t>(extent);
    }
    weights.values[i].reserve(size);
  }
  if (wanted == Wanted::parameters) return weights;
  weights.activations.resize(record.activations.size());
  if (record.config.record.optimizer) weights.moments.reserve(steps.size());
  const auto shapes = probe::activation_shapes(record.config);
  const probe::FixedCounts counts = probe::fixed_counts(record.config);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto of_one_step = (counts.novel + counts.training) * shapes[i].extent;
    weights.activations[i].reserve(steps.size() * static_cast<std::size_t>(of_one_step));
  }
  return weights;
}

}  // namespace

bool needs_training(const RunRecord& record, std::span<const std::int64_t> steps) {
  return !std::ranges::all_of(steps, [&](std::int64_t step) { return has_snapshot(record, step); });
}

Weights weights_at(const RunRecord& record, std::span<const std::int64_t> steps, Wanted wanted,
                   const Workers& workers, const ItemPlaces& places,
                   std::span<train::Observer* const> observers) {
  Weights weights = room_for(record, steps, wanted);
  std::optional<Retraining> retraining;
  for (const std::int64_t step : steps) {
    if (has_snapshot(record, step)) {
      append_recorded(record, step, wanted, weights);
    } else {
      if (!retraining) retraining.emplace(record, wanted, workers, places, observers);
      append_trained(retraining->go_to(step), wanted, weights);
    }
  }
  if (retraining) retraining->settle();
  return weights;
}

void write_parameters(store::GroupWriter& group, const std::vector<ParameterShape>& parameters,
                      const std::vector<std::int64_t>* steps,
                      const std::vector<std::vector<Real>>& values) {
  if (steps != nullptr) {
    group.axis("step", *steps);
    group.caption("step", step_caption());
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const ParameterShape& p = parameters[i];
    std::vector<std::string> axes = p.axes;
    store::Extents shape;
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

}  // namespace icl::run
