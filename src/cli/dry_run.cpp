#include "icl/cli/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "icl/cli/status_line.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/available_memory.hpp"
#include "icl/core/blas_room.hpp"
#include "icl/core/clock.hpp"
#include "icl/run/footprint.hpp"
#include "icl/run/items_file.hpp"
#include "icl/train/metrics.hpp"
#include "icl/train/schedule.hpp"
#include "icl/train/trainer.hpp"

namespace icl::cli {
namespace {

/// Stops a run when it has trained for long enough to say how fast it is.
class Stopwatch final : public train::Observer {
 public:
  void evaluated(const train::Evaluation&, const train::Progress&) override {
    evaluation_seconds = seconds(Clock::now() - start_);
    start_ = Clock::now();
  }
  void stepped(const train::StateView& run) override {
    constexpr std::int64_t warm_up = 2;
    constexpr double enough_seconds = 0.5;
    const auto now = Clock::now();
    const std::int64_t step = run.progress().step;
    if (step == warm_up) start_ = now;
    if (step <= warm_up) return;
    step_seconds = seconds(now - start_) / static_cast<double>(step - warm_up);
    if (seconds(now - start_) > enough_seconds) stop = true;
  }

  std::atomic<bool> stop{false};
  double step_seconds = 0;
  double evaluation_seconds = 0;

 private:
  Clock::time_point start_ = Clock::now();
};

double megabytes(double numbers, double bytes_each) { return numbers * bytes_each / 1e6; }

constexpr std::int64_t most_sequences = 10000;  // of an evaluation that is measured

/// The run, cut to what measuring takes, with all its sequences in a step.
config::Config full_steps_of(const config::Config& config) {
  config::Config probe = config;
  if (!config.data.K.is_infinite()) {
    constexpr std::int64_t most_items = 10000;
    constexpr std::int64_t most_numbers = 1 << 22;
    const std::int64_t even = std::min(most_items, most_numbers / config.data.D) / 2 * 2;
    probe.data.K = std::min(config.data.K,
                            config::Diversity(std::max(even, config.data.N + config.data.N % 2)));
  }
  constexpr std::int64_t more_steps_than_needed = 1 << 20;
  probe.train.steps_per_epoch = more_steps_than_needed;
  probe.train.epochs = 1;
  probe.eval.every.reset();
  probe.eval.log_points = 0;
  probe.eval.sequences = std::min(config.eval.sequences, most_sequences);
  probe.compat.s4_epoch = false;
  probe.record.snapshots = 0;
  probe.record.snapshot_every.reset();
  probe.record.snapshot_steps.reset();
  return probe;
}

/// Whether the cut run can be tried: in a few seconds and in little memory.
bool is_small(const config::Config& probe, int threads) {
  constexpr double most_bytes = 2e9;
  constexpr double most_flop = 3e10;       // of a thread: some seconds where products are slow
  constexpr double least_steps = 4;        // the first evaluation and the warm-up
  constexpr double for_each_number = 220;  // of a token: see sweep/plan.cpp
  const run::Footprint parts = run::footprint_of_training(probe, threads);
  const double bytes = run::bytes_of(parts);
  const auto bounds = memory_bounds();
  const double left = bounds.empty() ? most_bytes : bounds.front().left;
  const auto numbers = static_cast<double>(probe.data.N * probe.data.D);
  const auto model = model::describe_model(probe);
  const auto flop_of = [&](std::int64_t sequences) {
    return model->mlp_flops(sequences) + for_each_number * numbers * static_cast<double>(sequences);
  };
  const double flop = least_steps * flop_of(probe.train.batch_size) +
                      flop_of(probe.eval.sequences + probe.probe.sequences);
  return !run::shortage_of(parts, bounds) && has_room_of_threads(threads) &&
         bytes < std::min(most_bytes, left / 2) && flop < most_flop * threads;
}

/// The run, cut until it is small: in the end to a sequence a step. Nothing if even that is not.
std::optional<config::Config> probe_of(const config::Config& config, int threads) {
  config::Config probe = full_steps_of(config);
  while (!is_small(probe, threads)) {
    if (probe.train.batch_size == 1 && probe.eval.sequences == 1) return std::nullopt;
    for (std::int64_t* sequences :
         {&probe.train.batch_size, &probe.eval.sequences, &probe.probe.sequences}) {
      *sequences = (*sequences + 1) / 2;
    }
  }
  return probe;
}

double ratio(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) / static_cast<double>(b);
}

struct Sizes {
  double parameters = 0;  ///< numbers
  double columns = 0;     ///< of /metrics, the step among them
};

Sizes sizes(const config::Config& config) {
  const auto model = model::describe_model(config);
  const auto parameters = model->parameters();
  const std::vector<const nn::Parameter*> readable(parameters.begin(), parameters.end());
  return {static_cast<double>(model::parameter_count(*model)),
          static_cast<double>(train::metrics(config, readable).size() + 1)};
}

double evaluation_count(const config::Config& config) {
  return static_cast<double>(train::evaluation_schedule(config).count(config::last_step(config)));
}

std::string memory_lines(const config::Config& config, int threads) {
  const run::Footprint parts = run::footprint_of_training(config, threads);
  const double bytes = run::bytes_of(parts);
  std::string text = fmt::format("# memory: at most about {}\n", bytes_text(bytes));
  for (const run::MemoryPart& part : parts) {
    text += fmt::format("#   {:<22} {:>7}  {}\n", part.what, bytes_text(part.bytes), part.keys);
  }
  if (const auto shortage = run::shortage_of(parts)) {
    const MemoryBound& bound = shortage->bound;
    text += fmt::format("#   more than there is: {} has {} left of {}, and {} of {} are needed\n",
                        bound.owner, bytes_text(bound.left), bytes_text(bound.limit),
                        bytes_text(shortage->needed), bound.is_shared ? "memory" : "address space");
  }
  return text;
}

std::string time_line(const config::Config& config, int threads, const run::ItemPlaces& places) {
  const auto speed = measure_speed(config, threads, places);
  if (!speed) {
    return "# time: not measured, since a few steps would take much memory already\n";
  }
  return fmt::format(
      "# time: at most about {} with {} thread{} ({:.2f} ms a step, {:.1f} ms an evaluation, "
      "measured here)\n",
      duration_text(run_seconds(config, *speed)), threads, threads == 1 ? "" : "s",
      1e3 * speed->step_seconds, 1e3 * speed->evaluation_seconds);
}

}  // namespace

std::optional<RunSpeed> measure_speed(const config::Config& config, int threads,
                                      const run::ItemPlaces& places) {
  const auto probe = probe_of(config, threads);
  if (!probe) return std::nullopt;
  const auto start = Clock::now();
  train::Trainer trainer(*probe, Workers(threads), run::read_items(*probe, places));
  double setup = seconds(Clock::now() - start);
  if (!config.data.K.is_infinite()) {
    setup *= ratio(config.data.K.count(), probe->data.K.count());
  }
  Stopwatch watch;
  const std::array<train::Observer*, 1> observers{&watch};
  trainer.run(observers, watch.stop);
  return RunSpeed{setup,
                  watch.step_seconds * ratio(config.train.batch_size, probe->train.batch_size),
                  watch.evaluation_seconds * ratio(config.eval.sequences, probe->eval.sequences)};
}

double run_seconds(const config::Config& config, const RunSpeed& speed) {
  const auto steps = static_cast<double>(config::last_step(config));
  return speed.setup_seconds + steps * speed.step_seconds +
         evaluation_count(config) * speed.evaluation_seconds;
}

std::string dry_run(const config::Config& config, int threads, const run::ItemPlaces& places) {
  const auto [parameters, columns] = sizes(config);
  const std::int64_t steps = config::last_step(config);
  auto snapshots = static_cast<double>(train::snapshot_schedule(config).count(steps));
  snapshots = std::max(snapshots, 1.0);
  const double rows = evaluation_count(config);
  const double file =
      megabytes(snapshots, run::bytes_of_snapshot(config)) + megabytes(rows * columns, 8) + 0.05;
  return fmt::format("{}\n# parameters: {:.0f}\n# steps: {}\n{}{}# file: at most about {:.1f} MB\n",
                     config::to_toml(config), parameters, steps, memory_lines(config, threads),
                     time_line(config, threads, places), file);
}

}  // namespace icl::cli
