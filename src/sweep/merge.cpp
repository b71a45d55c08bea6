#include "icl/sweep/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string_view>

#include "icl/config/nearest.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/run/config_group.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/stretches.hpp"
#include "icl/store/envelope.hpp"
#include "icl/sweep/collector.hpp"
#include "icl/sweep/runs_table.hpp"

namespace icl::sweep {
namespace {

/// A metric of all runs [run, step], NaN where a run was not evaluated.
std::vector<double> on_steps(const std::vector<Row>& rows, std::size_t metric,
                             const std::vector<std::int64_t>& steps) {
  std::vector<double> array(rows.size() * steps.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (metric >= rows[r].metrics.size() || rows[r].metrics[metric].empty()) continue;
    auto at = steps.begin();
    for (std::size_t i = 0; i < rows[r].metric_steps.size(); ++i) {
      at = std::lower_bound(at, steps.end(), rows[r].metric_steps[i]);
      const auto column = static_cast<std::size_t>(at - steps.begin());
      array[r * steps.size() + column] = rows[r].metrics[metric][i];
    }
  }
  return array;
}

/// Without a list, all are.
bool is_wanted(const train::Metric& metric, std::span<const std::string> series) {
  return series.empty() || std::ranges::find(series, metric.name) != series.end();
}

void require_series(const std::vector<train::Metric>& columns,
                    std::span<const std::string> series) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const train::Metric& metric : columns) names.push_back(metric.name);
  for (const std::string& name : series) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string_view nearest = config::nearest_word(name, names);
    throw Error(ExitCode::usage,
                fmt::format("--series {}: no run has it{}", name,
                            nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
  }
}

/// Each metric [run, step] on the union of all runs' steps.
void write_metrics(store::Hdf5Writer& file, const Collector& runs, const Plan& plan,
                   std::span<const std::string> series) {
  const std::vector<Row>& rows = runs.rows;
  std::set<std::int64_t> all;
  for (const Row& row : rows) all.insert(row.metric_steps.begin(), row.metric_steps.end());
  const std::vector<std::int64_t> steps(all.begin(), all.end());
  store::GroupWriter group(file, "/metrics");
  group.axis("run", static_cast<std::int64_t>(rows.size()));
  group.axis("step", steps);
  group.caption("step", run::step_caption());
  group.caption("run", {"1", "run", "row of /runs"});
  group.plot(series.empty() ? run::chief_metrics(plan.sweep().base).front() : series.front(),
             {"run", "step"}, fmt::format("{} runs", rows.size()));

  std::string coordinates = "seed";
  group.dataset("seed", {"run"}, {rows.size()},
                std::span<const std::int64_t>(column(rows, [](const Row& r) { return r.seed; })),
                {"1", "seed", "train.seed"});
  const auto varied = plan.sweep().varied();
  for (std::size_t i = 0; i < varied.size(); ++i) {
    const config::Field& field = *varied[i];
    const store::Column values = axis_column(rows, field, i);
    const auto write = [&](const auto& v) {
      if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::vector<std::string>>) {
        group.dataset(values.name, {"run"}, {rows.size()}, std::span(v),
                      {"1", values.name, std::string(field.doc)});
        coordinates += " " + values.name;
      }
    };
    std::visit(write, values.values);
  }
  for (std::size_t m = 0; m < runs.columns.size(); ++m) {
    const train::Metric& metric = runs.columns[m];
    if (!is_wanted(metric, series)) continue;
    group.packed_dataset(metric.name, {"run", "step"}, {rows.size(), steps.size()},
                         on_steps(rows, m, steps), run::caption_of(metric));
    group.dataset_attribute(metric.name, "coordinates", coordinates);
    run::say_source(group, metric);
  }
}

void write_head(store::Hdf5Writer& file, const MergeReport& report, const Plan& plan) {
  file.root_text("format", "icl sweep");
  file.attribute("/", "format_version", store::format_version);
  file.root_text("NX_class", "NXroot");
  file.root_text("default", "metrics");
  file.attribute("/", "runs_merged", static_cast<std::int64_t>(report.merged));
  file.attribute("/", "runs_missing", static_cast<std::int64_t>(report.missing.size()));
  file.attribute("/", "runs_unfinished", static_cast<std::int64_t>(report.unfinished.size()));
  file.attribute("/", "runs_damaged",
                 static_cast<std::int64_t>(report.damaged.size() + report.unread.size()));
  std::vector<std::string_view> varied{"train.seed"};
  for (const config::Field* field : plan.sweep().varied()) varied.push_back(field->name);
  run::write_config(file, config::to_toml(plan.sweep()), plan.sweep().base, varied);
}

void write_provenance(store::Hdf5Writer& file, const std::vector<Row>& rows) {
  const std::array merging{run::describe_process(1, "")};
  run::write_stretches(file, "/provenance/merge", merging);
  std::vector<store::Column> columns{{"hash", column(rows, [](const Row& r) { return r.hash; })}};
  const auto add = [&](const char* name, const auto& get) {
    columns.push_back({name, column(rows, get)});
  };
  add("stretches", [](const Row& r) { return r.stretches; });
  add("blas", [](const Row& r) { return r.last_stretch.blas; });
  add("blas_kernel_set", [](const Row& r) { return r.last_stretch.blas_kernel_set; });
  add("cpu", [](const Row& r) { return r.last_stretch.cpu; });
  add("host", [](const Row& r) { return r.last_stretch.host; });
  add("commit", [](const Row& r) { return r.last_stretch.commit; });
  file.table("/provenance/runs", "where each run was trained last", columns);
}

}  // namespace

Merged merge(const Folder& folder, const Plan& plan, std::span<const std::string> series,
             WhichRuns which) {
  Collector collector(folder, plan, which);
  collector.collect();
  require_series(collector.columns, series);
  if (collector.rows.empty()) collector.columns = train::metrics(plan.sweep().base, {});
  store::Hdf5Writer file;
  write_head(file, collector.report, plan);
  std::vector<store::Column> runs = runs_table(collector, plan);
  file.table("/runs", "one row a run", runs);
  write_metrics(file, collector, plan, series);
  write_provenance(file, collector.rows);
  std::vector<std::byte> image = std::move(file).finish();
  const std::string toml = config::to_toml(plan.sweep());
  store::Envelope envelope;
  envelope.kind = store::FileKind::sweep;
  envelope.status = collector.report.missing.empty() && collector.report.unfinished.empty() &&
                            collector.report.damaged.empty() && collector.report.unread.empty()
                        ? "complete"
                        : "partial";
  envelope.config_xxh128 = store::hash_hex(std::as_bytes(std::span(toml)));
  store::seal(image, std::move(envelope));
  return {std::move(image), std::move(runs), std::move(collector.report)};
}

}  // namespace icl::sweep
