#include "icl/bench/training.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

#include "icl/core/abrupt_end.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/error.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/recorder.hpp"
#include "icl/train/trainer.hpp"

namespace icl::bench {
namespace {

constexpr std::int64_t warm_up_steps = 10;  // before anything counts
constexpr int peaks = 5;                    // measurements of the machine's peak in a run

double outside_steps(const PhaseSeconds& t) { return t[Phase::evaluation] + t[Phase::recording]; }

/// Passes everything on to a recorder and reads the clock around it. Between steps it measures the
/// machine's peak from time to time, which counts as nothing.
class Meter final : public train::Observer {
 public:
  Meter(const TrainingOptions& options, const std::atomic<bool>& interrupt, PhaseTimes& times,
        train::Observer& recorder)
      : options_(options), interrupt_(interrupt), times_(times), recorder_(recorder) {
    if (options.measure_peak) {
      peak_.emplace(Workers(options.threads));
      hand_over_.emplace(Workers(options.threads));
    }
    constexpr std::size_t room = 1 << 18;  // so that minutes of steps do not allocate
    steps_.reserve(room);
  }

  void evaluated(const train::Evaluation& evaluation, const train::Progress& progress) override {
    const PhaseScope time(&times_, Phase::recording);
    recorder_.evaluated(evaluation, progress);
    if (counting_) ++evaluations_;
  }

  void snapshot(const train::Snapshot& snapshot) override {
    const PhaseScope time(&times_, Phase::recording);
    recorder_.snapshot(snapshot);
  }

  void stepped(const train::StateView& run) override {
    take_step();
    {
      const PhaseScope time(&times_, Phase::recording);
      recorder_.stepped(run);
    }
    end_ = times_.seconds();
    last_loop_ = times_.shared_loops();
    if (!counting_ && ++warmed_up_ == warm_up_steps) {
      counting_ = true;
      first_ = end_;
      first_loop_ = last_loop_;
    }
    if (counting_) {
      if (seconds() > options_.seconds || interrupt_.load(std::memory_order_relaxed)) stop = true;
      if (peak_ && seconds() >= next_peak_) {
        peak_->measure();
        hand_over_->measure();
        next_peak_ += options_.seconds / peaks;
      }
    }
    begin_ = Clock::now();
  }

  /// Its last publication is not counted: a run has one, however long it is.
  void ended(train::Outcome outcome, const train::StateView& run) override {
    const bool unseen_step =
        outcome != train::Outcome::interrupted && outcome != train::Outcome::diverged;
    if (unseen_step) take_step();
    end_ = times_.seconds();
    last_loop_ = times_.shared_loops();
    recorder_.ended(outcome, run);
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
    speed.seconds = seconds();
    speed.shared_loops = last_loop_ - first_loop_;
    speed.waiting = options_.threads * in_steps_;
    for (std::size_t p = 0; p < phase_count; ++p) {
      const auto phase = static_cast<Phase>(p);
      if (phase != Phase::evaluation && phase != Phase::recording) {
        speed.waiting -= speed.phases[phase];
      }
    }
    if (peak_) {
      speed.rates = peak_->rates();
      speed.peak = peak_->peak("OpenBLAS");
      speed.hand_over = hand_over_->seconds();
      speed.empty_loop = hand_over_->empty_loop_seconds();
    }
    return speed;
  }

  std::atomic<bool> stop{false};

 private:
  /// Counts the step that ends now; evaluations and recording since the last one are not its own.
  void take_step() {
    const double elapsed = icl::seconds(Clock::now() - begin_);
    if (!counting_) return;
    const double step = elapsed - (outside_steps(times_.seconds()) - outside_steps(end_));
    steps_.push_back(step);
    in_steps_ += step;
  }

  /// Of all that was counted.
  [[nodiscard]] double seconds() const {
    return in_steps_ + outside_steps(end_) - outside_steps(first_);
  }

  const TrainingOptions& options_;
  const std::atomic<bool>& interrupt_;
  PhaseTimes& times_;
  train::Observer& recorder_;
  std::optional<GemmPeak> peak_;
  std::optional<HandOver> hand_over_;
  std::vector<double> steps_;
  std::int64_t warmed_up_ = 0;
  bool counting_ = false;
  std::int64_t evaluations_ = 0;
  double in_steps_ = 0;   ///< the sum of steps_
  double next_peak_ = 0;  ///< in seconds()
  PhaseSeconds first_, end_;
  std::int64_t first_loop_ = 0, last_loop_ = 0;
  Clock::time_point begin_ = Clock::now();
};

/// A new folder that is gone at the end of the scope, with all that is in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent)
      : path_(make(parent)), file_(run().native()), folder_(path_) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::filesystem::path path() const { return path_; }
  [[nodiscard]] std::filesystem::path run() const { return path() / "run.h5"; }

 private:
  /// The path of the folder, made just now.
  static std::string make(const std::filesystem::path& parent) {
    std::string path = (parent / ".icl-bench-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      throw Error(ExitCode::cannot_create,
                  fmt::format("cannot create a folder '{}': {}", path, std::strerror(errno)));
    }
    return path;
  }

  std::string path_;
  Perishable file_;
  Perishable folder_;
};

}  // namespace

double TrainingSpeed::share(Phase phase) const {
  const bool outside = phase == Phase::evaluation || phase == Phase::recording;
  return seconds > 0 ? phases[phase] / (seconds * (outside ? 1 : threads)) : 0;
}

TrainingSpeed measure_training(const config::Config& config, const TrainingOptions& options,
                               const std::atomic<bool>& interrupt) {
  const std::int64_t steps = config::last_step(config);
  if (steps <= warm_up_steps) {
    throw Error(
        ExitCode::usage,
        fmt::format("train.epochs {} of train.steps_per_epoch {}: {} steps are too few to "
                    "measure, at least {} are needed",
                    config.train.epochs, config.train.steps_per_epoch, steps, warm_up_steps + 1));
  }
  PhaseTimes times;
  train::Trainer trainer(config, Workers(options.threads, &times),
                         run::read_items(config, options.places));
  const TemporaryFolder folder(options.folder);
  store::OutputLock output(folder.run());
  run::Recorder recorder(output, run::new_record(config, trainer.readable_parameters()),
                         run::describe_process(options.threads, ""));
  Meter meter(options, interrupt, times, recorder);
  const std::array<train::Observer*, 1> observers{&meter};
  if (trainer.run(observers, meter.stop) == train::Outcome::diverged) {
    throw Error(ExitCode::diverged, trainer.fault());
  }
  TrainingSpeed speed = meter.result(trainer.mlp_flops());
  speed.threads_at_work = trainer.threads_in_force();
  return speed;
}

}  // namespace icl::bench
