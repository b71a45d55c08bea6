#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "icl/io/run_file.hpp"
#include "icl/train/trainer.hpp"

namespace icl::io {

/// When to publish next: so that publishing takes at most 0.5 % of the time and happens at least 5 s
/// apart, or as often as record.publish_seconds says.
class PublishClock {
 public:
  using Clock = std::chrono::steady_clock;
  explicit PublishClock(std::optional<double> publish_seconds) : fixed_(publish_seconds) {}

  [[nodiscard]] bool due(Clock::time_point now) const { return now >= next_; }
  void published(Clock::time_point began, Clock::time_point ended);

 private:
  std::optional<double> fixed_;
  Clock::time_point next_ = Clock::time_point::min();
};

/// Keeps the record of a run in RAM and publishes it whole: after the first evaluation, then by the
/// PublishClock, and at the end. What lies at `path` is complete and readable at any moment. Throws
/// Error(ExitCode::io) when a publication fails; the file published before is then still there.
class Recorder final : public train::Observer {
 public:
  Recorder(std::filesystem::path path, const config::Config&, Provenance,
           std::span<const nn::Parameter* const> parameters);

  void stepped(const train::Progress&, std::span<const nn::Parameter* const>) override;
  void evaluated(const train::Evaluation&, const train::Progress&) override;
  void snapshot(std::int64_t step, std::span<const nn::Parameter* const>) override;
  void ended(train::Outcome, const train::Progress&,
             std::span<const nn::Parameter* const>) override;

  [[nodiscard]] const RunRecord& record() const { return record_; }
  [[nodiscard]] double publishing_seconds() const { return publishing_seconds_; }

 private:
  void publish(const train::Progress&);

  std::filesystem::path path_;
  RunRecord record_;
  PublishClock clock_;
  PublishClock::Clock::time_point start_ = PublishClock::Clock::now();
  double publishing_seconds_ = 0;
  std::int64_t publications_ = 0;
};

}  // namespace icl::io
