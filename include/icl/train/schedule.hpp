#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "icl/config/config.hpp"

namespace icl::train {

/// `count` steps: 0 first and the others spaced evenly in log(step) from 1 to `last`, rounded,
/// without repetitions (so there may be fewer).
[[nodiscard]] std::vector<std::int64_t> log_steps(std::int64_t count, std::int64_t last);

/// Completed updates after which something is due: some at equal distances, some listed.
class Schedule {
 public:
  /// Multiples of `every` (0: none), and `listed`, which rises.
  Schedule(std::int64_t every, std::vector<std::int64_t> listed)
      : every_(every), listed_(std::move(listed)) {}

  [[nodiscard]] bool holds(std::int64_t step) const;
  /// The last one before `step` > 0; 0 if there is none.
  [[nodiscard]] std::int64_t last_before(std::int64_t step) const;
  /// The first one after `step`; nothing if there is none.
  [[nodiscard]] std::optional<std::int64_t> next_after(std::int64_t step) const;
  /// How many there are up to `last`, inclusive.
  [[nodiscard]] std::int64_t count(std::int64_t last) const;

 private:
  std::int64_t every_;
  std::vector<std::int64_t> listed_;
};

/// The share of train.learning_rate in the update from `step` to step + 1, without a call of the C
/// library: with W = train.warmup and T = last_step(), (step + 1) / W for step < W, and after that,
/// with p = (step - W) / (T - W), 1, (1 + cos(pi p)) / 2 or 1 - p by train.schedule.
[[nodiscard]] double rate_share(const config::Config&, std::int64_t step);

/// Step 0, the last one, those of eval.every and of eval.log_points.
[[nodiscard]] Schedule evaluation_schedule(const config::Config&);

/// The steps of record.snapshots, record.snapshot_every and record.snapshot_steps.
[[nodiscard]] Schedule snapshot_schedule(const config::Config&);

}  // namespace icl::train
