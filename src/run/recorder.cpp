#include "icl/run/recorder.hpp"

#include <algorithm>
#include <utility>

#include "icl/core/memory.hpp"
#include "icl/run/encode.hpp"
#include "icl/train/schedule.hpp"
#include "sizes.hpp"

namespace icl::run {
namespace {

/// Bytes that encode() takes at most; libhdf5's own tables are small.
std::size_t bytes_to_publish(const RunRecord& record) {
  const Sizes sizes(record.config);
  const auto rows = static_cast<double>(record.metric_steps.size());
  const double series = rows * static_cast<double>(record.columns.size() + 1) * number_bytes;
  constexpr double tables = 8 << 20;
  return static_cast<std::size_t>(
      image_and_copy * (sizes.snapshots_to(record.step) + sizes.state() + series) + tables);
}

}  // namespace

void PublishClock::published(Clock::time_point began, Clock::time_point ended) {
  constexpr double least_seconds = 5;
  constexpr double largest_share = 0.005;
  const double wait =
      fixed_.value_or(std::max(least_seconds, seconds(ended - began) / largest_share));
  next_ = ended + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait));
}

RecordBuilder::RecordBuilder(RunRecord record) : record_(std::move(record)) {
  record_.status = RunStatus::running;
  record_.stop_reason.clear();
  // So that the first million evaluations ask for no memory while the run goes on.
  constexpr std::int64_t most_rows = 1 << 20;
  const std::int64_t evaluations =
      train::evaluation_schedule(record_.config).count(config::last_step(record_.config));
  const auto rows = static_cast<std::size_t>(std::min(evaluations, most_rows));
  record_.metric_steps.reserve(rows);
  for (auto& column : record_.metrics) column.reserve(rows);
}

void RecordBuilder::evaluated(const train::Evaluation& evaluation, const train::Progress&) {
  record_.metric_steps.push_back(evaluation.step);
  for (std::size_t i = 0; i < record_.metrics.size(); ++i) {
    const train::Metric& column = record_.columns[i];
    record_.metrics[i].push_back(column.value(evaluation, column.index));
  }
}

void RecordBuilder::snapshot(const train::Snapshot& snapshot) {
  const auto append = [](std::vector<Real>& to, std::span<const Real> values) {
    to.insert(to.end(), values.begin(), values.end());
  };
  record_.snapshot_steps.push_back(snapshot.step);
  for (std::size_t i = 0; i < snapshot.parameters.size(); ++i) {
    append(record_.snapshots[i], snapshot.parameters[i]->value.values());
  }
  if (record_.config.record.optimizer) record_.snapshot_moments.push_back(snapshot.moments);
  if (record_.probe_set.count == 0) record_.probe_set = snapshot.sequences;
  for (std::size_t i = 0; i < snapshot.activations.size(); ++i) {
    append(record_.activations[i], snapshot.activations[i]);
  }
}

void RecordBuilder::keep_progress(const train::Progress& progress) {
  record_.step = progress.step;
  record_.t_icl_step = progress.t_icl_step;
  record_.t_icl_refined = progress.t_icl_refined;
  predict_anew();
}

void RecordBuilder::predict_anew() {
  if (predicted_rows_ == record_.metric_steps.size()) return;
  predicted_rows_ = record_.metric_steps.size();
  record_.prediction = predict(record_);
}

void RecordBuilder::keep_state(const train::StateView& run) {
  keep_progress(run.progress());
  record_.state = run.copy();
  record_.due = run.due();
}

void RecordBuilder::stepped(const train::StateView&) {}

void RecordBuilder::ended(train::Outcome outcome, const train::StateView& run) {
  keep_progress(run.progress());
  record_.state.reset();
  record_.due = train::Due::recorded;
  switch (outcome) {
    case train::Outcome::completed:
      record_.status = RunStatus::done;
      record_.stop_reason = "epochs";
      break;
    case train::Outcome::early_stopped:
      record_.status = RunStatus::done;
      record_.stop_reason = "icl_accuracy";
      break;
    case train::Outcome::memorised:
      record_.status = RunStatus::done;
      record_.stop_reason = "c1";
      break;
    case train::Outcome::interrupted:
      record_.status = RunStatus::interrupted;
      keep_state(run);
      break;
    case train::Outcome::diverged:
      record_.status = RunStatus::diverged;
      break;
  }
}

Recorder::Recorder(store::OutputLock& output, RunRecord record, Stretch stretch)
    : RecordBuilder(std::move(record)),
      output_(output),
      clock_(record_.config.record.publish_seconds) {
  record_.provenance.push_back(std::move(stretch));
}

void Recorder::evaluated(const train::Evaluation& evaluation, const train::Progress& progress) {
  RecordBuilder::evaluated(evaluation, progress);
  told_ = true;
}

void Recorder::stepped(const train::StateView& run) {
  told_ = true;
  const auto began = Clock::now();
  if (!clock_.due(began)) return;
  keep_state(run);
  publish(run, began);
}

void Recorder::ended(train::Outcome outcome, const train::StateView& run) {
  // The first evaluation was given up: there is nothing to publish.
  if (outcome == train::Outcome::interrupted && !told_) return;
  const auto began = Clock::now();
  RecordBuilder::ended(outcome, run);
  publish(run, began);
}

void Recorder::publish(const train::StateView& run, Clock::time_point began) {
  Stretch& stretch = record_.provenance.back();
  stretch.threads_at_work = run.threads();
  stretch.time_published = utc_now();
  stretch.wall_seconds = seconds(began - start_);
  ++stretch.publications;
  require_available(bytes_to_publish(record_));
  output_.publish(encode(record_));
  const auto ended = Clock::now();
  stretch.publishing_seconds += seconds(ended - began);  // as the next publication will say
  clock_.published(began, ended);
}

}  // namespace icl::run
