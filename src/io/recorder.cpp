#include "icl/io/recorder.hpp"

#include <algorithm>
#include <utility>

#include "icl/io/file.hpp"

namespace icl::io {
namespace {

using Clock = PublishClock::Clock;

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

RunStatus status_of(train::Outcome outcome) {
  switch (outcome) {
    case train::Outcome::completed:
    case train::Outcome::early_stopped:
      return RunStatus::done;
    case train::Outcome::interrupted:
      return RunStatus::interrupted;
    case train::Outcome::diverged:
      return RunStatus::diverged;
  }
  return RunStatus::running;
}

std::string stop_reason_of(train::Outcome outcome) {
  if (outcome == train::Outcome::completed) return "epochs";
  if (outcome == train::Outcome::early_stopped) return "icl_accuracy";
  return "";
}

}  // namespace

void PublishClock::published(Clock::time_point began, Clock::time_point ended) {
  constexpr double least_seconds = 5;
  constexpr double largest_share = 0.005;
  const double wait = fixed_.value_or(std::max(least_seconds, seconds(ended - began) / largest_share));
  next_ = ended + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait));
}

Recorder::Recorder(std::filesystem::path path, const config::Config& config, Provenance provenance,
                   std::span<const nn::Parameter* const> parameters)
    : path_(std::move(path)), clock_(config.record.publish_seconds) {
  record_.config = config;
  record_.provenance = std::move(provenance);
  const auto rows = static_cast<std::size_t>(config.train.epochs) + 1;
  const auto snapshots = static_cast<std::size_t>(config.record.snapshots) + 1;
  record_.metric_steps.reserve(rows);
  record_.metrics.resize(train::metrics().size());
  for (auto& column : record_.metrics) column.reserve(rows);
  record_.snapshot_steps.reserve(snapshots);
  for (const nn::Parameter* parameter : parameters) {
    const auto shape = parameter->value.shape();
    record_.snapshots.push_back(
        {parameter->name, parameter->axes, {shape.begin(), shape.end()}, {}});
  }
}

void Recorder::evaluated(const train::Evaluation& evaluation, const train::Progress&) {
  record_.metric_steps.push_back(evaluation.step);
  for (std::size_t i = 0; i < record_.metrics.size(); ++i) {
    record_.metrics[i].push_back(train::metrics()[i].value(evaluation));
  }
}

void Recorder::snapshot(std::int64_t step, std::span<const nn::Parameter* const> parameters) {
  record_.snapshot_steps.push_back(step);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto values = parameters[i]->value.values();
    auto& series = record_.snapshots[i].values;
    series.insert(series.end(), values.begin(), values.end());
  }
}

void Recorder::stepped(const train::Progress& progress, std::span<const nn::Parameter* const>) {
  if (clock_.due(Clock::now())) publish(progress);
}

void Recorder::ended(train::Outcome outcome, const train::Progress& progress,
                     std::span<const nn::Parameter* const>) {
  record_.status = status_of(outcome);
  record_.stop_reason = stop_reason_of(outcome);
  publish(progress);
}

void Recorder::publish(const train::Progress& progress) {
  const auto began = Clock::now();
  record_.step = progress.step;
  record_.t_icl_step = progress.t_icl_step;
  set(record_.provenance, "time_published", utc_now());
  set(record_.provenance, "wall_seconds", seconds(began - start_));
  set(record_.provenance, "publications", ++publications_);
  set(record_.provenance, "publishing_seconds", publishing_seconds_);
  publish_file(path_, encode(record_));
  const auto ended = Clock::now();
  publishing_seconds_ += seconds(ended - began);
  clock_.published(began, ended);
}

}  // namespace icl::io
