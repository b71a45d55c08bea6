#include "icl/sweep/collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "icl/config/field_values.hpp"
#include "icl/config/spelling.hpp"
#include "icl/core/error.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/numerics.hpp"

namespace icl::sweep {
namespace {

bool before(const Row& a, const Row& b) {
  for (std::size_t i = 0; i < a.place.size(); ++i) {
    if (a.place[i] == b.place[i]) continue;
    const double x = number_of(a.place[i]);
    const double y = number_of(b.place[i]);
    return x == y || std::isnan(x) || std::isnan(y) ? a.place[i] < b.place[i] : x < y;
  }
  return std::pair(a.seed, a.hash) < std::pair(b.seed, b.hash);
}

std::optional<theory::Prediction> theory_of(const run::RunRecord& run) {
  return run.prediction ? run.prediction->theory : std::nullopt;
}

/// The evaluation before the one at which ICL was acquired: it happened between the two.
std::optional<std::int64_t> previous_evaluation(const run::RunRecord& run) {
  if (!run.t_icl_step) return std::nullopt;
  const auto at = std::ranges::lower_bound(run.metric_steps, *run.t_icl_step);
  if (at == run.metric_steps.begin()) return std::nullopt;
  return *std::prev(at);
}

/// The first evaluation after ICL was acquired at which its accuracy is below 0.9.
std::optional<std::int64_t> lost_step(const run::RunRecord& run) {
  constexpr double lost_below = 0.9;
  const auto accuracy = run::column(run, "icl_accuracy");
  if (!run.t_icl_step) return std::nullopt;
  for (std::size_t i = 0; i < accuracy.size(); ++i) {
    if (run.metric_steps[i] > *run.t_icl_step && accuracy[i] < lost_below) {
      return run.metric_steps[i];
    }
  }
  return std::nullopt;
}

}  // namespace

double number_of(const config::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* on = std::get_if<bool>(&value)) return *on ? 1 : 0;
  return std::numeric_limits<double>::quiet_NaN();
}

void Collector::collect() {
  const std::vector<std::string> stored = folder_.stored();
  for (std::size_t run = 0; run < plan_.size(); ++run) {
    if (!std::ranges::binary_search(stored, plan_.hash(run))) {
      report.missing.push_back(plan_.describe(run));
    }
  }
  for (const std::string& hash : stored) {
    if (which_ == WhichRuns::all || plan_.find(hash) < plan_.size()) read(hash);
  }
  for (const std::filesystem::path& file : folder_.strays()) {
    if (which_ == WhichRuns::of_plan) break;
    report.damaged.emplace_back(file.string(),
                                "is left out: a run lies at runs/xx/HASH.h5, with the first two "
                                "digits of its hash as xx");
  }
  std::ranges::sort(rows, before);
  report.merged = rows.size();
  report.kernel_sets.assign(kernel_sets_.begin(), kernel_sets_.end());
  report.older.assign(older_.begin(), older_.end());
}

void Collector::read(const std::string& hash) {
  const std::filesystem::path file = folder_.run_file(hash);
  try {
    run::RunRecord run = run::read_run(file).record;
    if (run::run_hash(run) != hash) throw Error(ExitCode::bad_input, "it is another run's");
    run.config = config::respelled(run.config);
    require_of_sweep(run.config);
    require_same_items(run);
    if (run.status == run::RunStatus::done || run.status == run::RunStatus::diverged) {
      keep(hash, std::move(run));
    } else {
      const std::size_t number = plan_.find(hash);
      report.unfinished.push_back(number < plan_.size() ? plan_.describe(number) : hash);
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::bad_input && error.code() != ExitCode::io) throw;
    auto& list = error.code() == ExitCode::io ? report.unread : report.damaged;
    list.emplace_back(file.string(), error.what());
  }
}

/// Only what is varied and the seed may differ from the sweep's base.
void Collector::require_of_sweep(const config::Config& config) const {
  const config::Sweep& sweep = plan_.sweep();
  const auto varied = sweep.varied();
  for (const config::Field& field : config::fields()) {
    if (field.name == "train.seed" || field.decides == config::Decides::writing) continue;
    if (std::ranges::find(varied, &field) != varied.end()) continue;
    if (config::get(field, config) == config::get(field, sweep.base)) continue;
    throw Error(ExitCode::bad_input,
                fmt::format("it is a run of another sweep: {} differs", field.name));
  }
}

void Collector::keep(const std::string& hash, run::RunRecord run) {
  Row row{.hash = hash,
          .file = folder_.run_file(hash).lexically_relative(folder_.path()).string(),
          .place = {},
          .seed = run.config.train.seed,
          .status = run.status,
          .stop_reason = run.stop_reason,
          .last_step = run.step,
          .horizon = config::last_step(run.config),
          .numerics = run.numerics,
          .t_icl_step = run.t_icl_step,
          .t_icl_previous = previous_evaluation(run),
          .t_lost_step = lost_step(run),
          .t_icl_refined = run.t_icl_refined,
          .theory = theory_of(run),
          .metric_steps = run.metric_steps,
          .metrics = by_column(run),
          .last_stretch = run.provenance.empty() ? run::Stretch{} : run.provenance.back(),
          .stretches = static_cast<std::int64_t>(run.provenance.size())};
  for (const config::Field* field : plan_.sweep().varied()) {
    row.place.push_back(config::get(*field, run.config));
  }
  ++kernel_sets_[row.last_stretch.blas_kernel_set];
  if (const std::string what = run::changes_since(run.numerics, run.config); !what.empty()) {
    ++older_[what];
  }
  if (run.mixed_kernel_sets) report.mixed.push_back(hash);
  rows.push_back(std::move(row));
}

/// Runs of one data.items and data.novel_items have the same items.
void Collector::require_same_items(const run::RunRecord& run) {
  const auto& data = run.config.data;
  const auto [first, is_new] =
      items_hashes_.try_emplace({data.items, data.novel_items}, run.items_hash);
  if (run.items_hash == first->second) return;
  throw Error(ExitCode::bad_input,
              fmt::format("its items hash to another value than those of runs before it: what '{}' "
                          "names was changed between them",
                          run.config.data.items.value_or("data.items")));
}

std::vector<std::vector<double>> Collector::by_column(run::RunRecord& run) {
  std::vector<std::vector<double>> metrics(columns.size());
  for (std::size_t i = 0; i < run.columns.size(); ++i) {
    if (run.columns[i].is_of_parameter) continue;
    auto at = std::ranges::find(columns, run.columns[i].name, &train::Metric::name);
    if (at == columns.end()) {
      at = columns.insert(at, run.columns[i]);
      metrics.emplace_back();
    }
    metrics[static_cast<std::size_t>(at - columns.begin())] = std::move(run.metrics[i]);
  }
  return metrics;
}

}  // namespace icl::sweep
