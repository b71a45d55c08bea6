#include "icl/cli/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "icl/cli/status_line.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/clock.hpp"
#include "icl/io/items_file.hpp"
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

/// The run, cut to what measuring takes.
config::Config probe_of(const config::Config& config) {
  config::Config probe = config;
  constexpr std::int64_t enough_items = 10000;
  if (!config.data.K.is_infinite()) {
    probe.data.K =
        std::min(config.data.K,
                 config::Diversity(std::max(enough_items, config.data.N + config.data.N % 2)));
  }
  constexpr std::int64_t more_steps_than_needed = 1 << 20;
  probe.train.steps_per_epoch = more_steps_than_needed;
  probe.train.epochs = 1;
  probe.eval.every.reset();
  probe.eval.log_points = 0;
  probe.compat.s4_epoch = false;
  probe.record.snapshots = 0;
  return probe;
}

struct Sizes {
  double parameters = 0;  ///< numbers
  double columns = 0;     ///< of /metrics, the step among them
};

Sizes sizes(const config::Config& config) {
  const auto model = model::make_model(config);
  const auto parameters = model->parameters();
  const std::vector<const nn::Parameter*> readable(parameters.begin(), parameters.end());
  return {static_cast<double>(model::parameter_count(*model)),
          static_cast<double>(train::metrics(config, readable).size() + 1)};
}

double evaluation_count(const config::Config& config) {
  return static_cast<double>(train::evaluation_schedule(config).count(train::last_step(config)));
}

}  // namespace

RunSpeed measure_speed(const config::Config& config, int threads, const io::ItemPlaces& places) {
  const config::Config probe = probe_of(config);
  const auto start = Clock::now();
  train::Trainer trainer(probe, Workers(threads), io::read_items(probe, places));
  double setup = seconds(Clock::now() - start);
  if (!config.data.K.is_infinite()) {
    setup *= static_cast<double>(config.data.K.count()) / static_cast<double>(probe.data.K.count());
  }
  Stopwatch watch;
  const std::array<train::Observer*, 1> observers{&watch};
  trainer.run(observers, watch.stop);
  return {setup, watch.step_seconds, watch.evaluation_seconds};
}

double run_seconds(const config::Config& config, const RunSpeed& speed) {
  const auto steps = static_cast<double>(config.train.epochs * config.train.steps_per_epoch);
  return speed.setup_seconds + steps * speed.step_seconds +
         evaluation_count(config) * speed.evaluation_seconds;
}

std::string dry_run(const config::Config& config, int threads, const io::ItemPlaces& places) {
  const RunSpeed speed = measure_speed(config, threads, places);
  const auto [parameters, columns] = sizes(config);
  const std::int64_t steps = train::last_step(config);
  auto snapshots = static_cast<double>(train::snapshot_schedule(config).count(steps));
  snapshots = std::max(snapshots, 1.0);
  const double rows = evaluation_count(config);
  const double file =
      megabytes(parameters * snapshots, sizeof(Real)) + megabytes(rows * columns, 8) + 0.05;
  return fmt::format(
      "{}\n# parameters: {:.0f}\n# steps: {}\n"
      "# time: at most about {} with {} thread{} ({:.2f} ms a step, {:.1f} ms an evaluation, "
      "measured here)\n"
      "# file: at most about {:.1f} MB\n",
      config::to_toml(config), parameters, steps, duration_text(run_seconds(config, speed)),
      threads, threads == 1 ? "" : "s", 1e3 * speed.step_seconds, 1e3 * speed.evaluation_seconds,
      file);
}

}  // namespace icl::cli
