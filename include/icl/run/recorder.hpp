#pragma once

#include <cstddef>
#include <optional>

#include "icl/core/clock.hpp"
#include "icl/run/run_record.hpp"
#include "icl/store/lock.hpp"
#include "icl/train/observer.hpp"

namespace icl::run {

/// When to publish next: so that publishing takes at most 0.5 % of the time and happens at least 5
/// s apart, or as often as record.publish_seconds says.
class PublishClock {
 public:
  explicit PublishClock(std::optional<double> publish_seconds) : fixed_(publish_seconds) {}

  [[nodiscard]] bool due(Clock::time_point now) const { return now >= next_; }
  void published(Clock::time_point began, Clock::time_point ended);

 private:
  std::optional<double> fixed_;
  Clock::time_point next_ = Clock::time_point::min();
};

/// Writes what a run tells its observers into a record. A run that goes on continues the record of
/// the file it goes on from.
class RecordBuilder : public train::Observer {
 public:
  explicit RecordBuilder(RunRecord record);

  void stepped(const train::StateView&) override;
  void evaluated(const train::Evaluation&, const train::Progress&) override;
  void snapshot(const train::Snapshot&) override;
  void ended(train::Outcome, const train::StateView&) override;

  [[nodiscard]] const RunRecord& record() const { return record_; }

 protected:
  /// Sets step, t_ICL and the state of a run that goes on.
  void keep_state(const train::StateView&);
  void keep_progress(const train::Progress&);

  RunRecord record_;

 private:
  /// Asks the theory, if an evaluation has come since it was last asked.
  void predict_anew();

  std::optional<std::size_t> predicted_rows_;  ///< evaluations that the prediction knows of
};

/// Keeps the record of a run in RAM and publishes it whole: after the first step, then by the
/// PublishClock, and at the end. What lies at the output is complete and readable at any moment,
/// and holds the state to go on from. Throws the errors of OutputLock::publish(); the file
/// published before is then still there.
class Recorder final : public RecordBuilder {
 public:
  /// The lock, which must outlive the recorder, is that of the output.
  Recorder(store::OutputLock& output, RunRecord record, Stretch stretch);

  void evaluated(const train::Evaluation&, const train::Progress&) override;
  void stepped(const train::StateView&) override;
  void ended(train::Outcome, const train::StateView&) override;

  /// Whether the run has got farther than where it started, so that ended() published it.
  [[nodiscard]] bool has_begun() const { return told_; }

 private:
  /// `began`: when the record was begun to be brought up to date for it.
  void publish(const train::StateView&, Clock::time_point began);

  store::OutputLock& output_;
  PublishClock clock_;
  Clock::time_point start_ = Clock::now();
  bool told_ = false;
};

}  // namespace icl::run
