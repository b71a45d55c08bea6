#include "icl/bench/training.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <system_error>

#include "icl/core/error.hpp"
#include "icl/io/recorder.hpp"
#include "icl/train/trainer.hpp"

namespace icl::bench {
namespace {

using Clock = PhaseTimes::Clock;

constexpr std::int64_t warm_up = 10;  // steps before anything counts
constexpr double seconds_between_peaks = 1;

double outside_steps(const PhaseSeconds& t) { return t[Phase::evaluation] + t[Phase::recording]; }

/// Passes everything on to a recorder and reads the clock around it. Between steps it measures the
/// machine's peak from time to time, which counts as nothing.
class Meter final : public train::Observer {
 public:
  Meter(const TrainingOptions& options, PhaseTimes& times, train::Observer& recorder)
      : options_(options), times_(times), recorder_(recorder) {
    if (options.measure_peak) peak_.emplace(Workers(options.threads));
    constexpr std::size_t room = 1 << 18;  // so that minutes of steps do not allocate
    steps_.reserve(room);
  }

  void evaluated(const train::Evaluation& evaluation, const train::Progress& progress) override {
    const PhaseScope time(&times_, Phase::recording);
    recorder_.evaluated(evaluation, progress);
    if (counting()) ++evaluations_;
  }

  void snapshot(std::int64_t step, std::span<const nn::Parameter* const> parameters) override {
    const PhaseScope time(&times_, Phase::recording);
    recorder_.snapshot(step, parameters);
  }

  void stepped(const train::Progress& progress,
               std::span<const nn::Parameter* const> parameters) override {
    const std::chrono::duration<double> elapsed = Clock::now() - begin_;
    const double step = elapsed.count() - (outside_steps(times_.seconds()) - outside_steps(end_));
    {
      const PhaseScope time(&times_, Phase::recording);
      recorder_.stepped(progress, parameters);
    }
    end_ = times_.seconds();
    if (counting()) steps_.push_back(step);
    if (++seen_ == warm_up) first_ = end_;
    if (counting()) {
      counted_ += step;
      const double seconds = counted_ + outside_steps(end_) - outside_steps(first_);
      if (seconds > options_.seconds) stop = true;
      if (peak_ && seconds >= next_peak_) {
        peak_->measure();
        next_peak_ = seconds + seconds_between_peaks;
      }
    }
    begin_ = Clock::now();
  }

  [[nodiscard]] TrainingSpeed result(double flop) const {
    TrainingSpeed speed;
    speed.threads = options_.threads;
    speed.steps = static_cast<std::int64_t>(steps_.size());
    speed.evaluations = evaluations_;
    speed.step_seconds = spread(steps_);
    speed.flop = flop;
    for (std::size_t p = 0; p < phase_count; ++p) {
      const auto phase = static_cast<Phase>(p);
      speed.phases[phase] = end_[phase] - first_[phase];
    }
    speed.seconds = counted_ + outside_steps(speed.phases);
    speed.waiting = options_.threads * counted_;
    for (std::size_t p = 0; p < phase_count; ++p) {
      const auto phase = static_cast<Phase>(p);
      if (phase != Phase::evaluation && phase != Phase::recording) {
        speed.waiting -= speed.phases[phase];
      }
    }
    if (peak_) {
      speed.rates = peak_->rates();
      speed.peak = peak_->peak("OpenBLAS");
    }
    return speed;
  }

  std::atomic<bool> stop{false};

 private:
  [[nodiscard]] bool counting() const { return seen_ >= warm_up; }

  const TrainingOptions& options_;
  PhaseTimes& times_;
  train::Observer& recorder_;
  std::optional<GemmPeak> peak_;
  std::vector<double> steps_;
  std::int64_t seen_ = 0;
  std::int64_t evaluations_ = 0;
  double counted_ = 0;    ///< seconds in steps_
  double next_peak_ = 0;  ///< in seconds of training
  PhaseSeconds first_, end_;
  Clock::time_point begin_ = Clock::now();
};

/// A file name that is gone at the end of the scope, with its file.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& folder)
      : path_(folder / fmt::format("icl-bench-{}.h5", getpid())) {}
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

double TrainingSpeed::share(Phase phase) const {
  const bool outside = phase == Phase::evaluation || phase == Phase::recording;
  return seconds > 0 ? phases[phase] / (seconds * (outside ? 1 : threads)) : 0;
}

TrainingSpeed measure_training(const config::Config& config, const TrainingOptions& options) {
  PhaseTimes times;
  train::Trainer trainer(config, Workers(options.threads, &times));
  const TemporaryFile file(options.folder);
  io::Recorder recorder(file.path(), io::new_record(config, trainer.readable_parameters()), [] {});
  Meter meter(options, times, recorder);
  const std::array<train::Observer*, 1> observers{&meter};
  if (trainer.run(observers, meter.stop) == train::Outcome::diverged) {
    throw Error(ExitCode::diverged, trainer.fault());
  }
  return meter.result(trainer.mlp_flops());
}

}  // namespace icl::bench
