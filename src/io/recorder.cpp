#include "icl/io/recorder.hpp"

#include <algorithm>
#include <utility>

#include "icl/io/encode.hpp"
#include "icl/io/file.hpp"

namespace icl::io {
namespace {

using Clock = PublishClock::Clock;

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

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
  const auto rows = static_cast<std::size_t>(std::min(record_.config.train.epochs, most_rows)) + 1;
  record_.metric_steps.reserve(rows);
  for (auto& column : record_.metrics) column.reserve(rows);
}

void RecordBuilder::evaluated(const train::Evaluation& evaluation, const train::Progress&) {
  record_.metric_steps.push_back(evaluation.step);
  for (std::size_t i = 0; i < record_.metrics.size(); ++i) {
    record_.metrics[i].push_back(train::metrics()[i].value(evaluation));
  }
}

void RecordBuilder::snapshot(std::int64_t step, std::span<const nn::Parameter* const> parameters) {
  record_.snapshot_steps.push_back(step);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto values = parameters[i]->value.values();
    record_.snapshots[i].insert(record_.snapshots[i].end(), values.begin(), values.end());
  }
}

void RecordBuilder::keep_state(const train::Progress& progress,
                               std::span<const nn::Parameter* const> parameters) {
  record_.step = progress.step;
  record_.t_icl_step = progress.t_icl_step;
  record_.state = train::State{progress, train::copy_values(parameters)};
}

void RecordBuilder::stepped(const train::Progress&, std::span<const nn::Parameter* const>) {}

void RecordBuilder::ended(train::Outcome outcome, const train::Progress& progress,
                          std::span<const nn::Parameter* const> parameters) {
  record_.step = progress.step;
  record_.t_icl_step = progress.t_icl_step;
  record_.state.reset();
  switch (outcome) {
    case train::Outcome::completed:
      record_.status = RunStatus::done;
      record_.stop_reason = "epochs";
      break;
    case train::Outcome::early_stopped:
      record_.status = RunStatus::done;
      record_.stop_reason = "icl_accuracy";
      break;
    case train::Outcome::interrupted:
      record_.status = RunStatus::interrupted;
      keep_state(progress, parameters);
      break;
    case train::Outcome::diverged:
      record_.status = RunStatus::diverged;
      break;
  }
}

Recorder::Recorder(std::filesystem::path path, RunRecord record, std::function<void()> may_publish)
    : RecordBuilder(std::move(record)),
      path_(std::move(path)),
      may_publish_(std::move(may_publish)),
      clock_(record_.config.record.publish_seconds) {}

void Recorder::stepped(const train::Progress& progress,
                       std::span<const nn::Parameter* const> parameters) {
  if (!clock_.due(Clock::now())) return;
  keep_state(progress, parameters);
  publish();
}

void Recorder::ended(train::Outcome outcome, const train::Progress& progress,
                     std::span<const nn::Parameter* const> parameters) {
  RecordBuilder::ended(outcome, progress, parameters);
  publish();
}

void Recorder::publish() {
  const auto began = Clock::now();
  set(record_.provenance, "time_published", utc_now());
  set(record_.provenance, "wall_seconds", seconds(began - start_));
  set(record_.provenance, "publications", ++publications_);
  set(record_.provenance, "publishing_seconds", publishing_seconds_);
  const auto bytes = encode(record_);
  may_publish_();
  publish_file(path_, bytes);
  const auto ended = Clock::now();
  publishing_seconds_ += seconds(ended - began);
  clock_.published(began, ended);
}

}  // namespace icl::io
