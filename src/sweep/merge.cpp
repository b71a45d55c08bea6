#include "icl/sweep/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/io/config_group.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/encode.hpp"
#include "icl/io/envelope.hpp"
#include "icl/io/prediction.hpp"
#include "icl/train/metrics.hpp"

namespace icl::sweep {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What is kept of a run.
struct Row {
  std::string hash;
  std::vector<config::Value> place;  ///< the value on each axis
  std::int64_t seed;
  io::RunStatus status;
  std::string stop_reason;
  std::int64_t steps;
  std::int64_t numerics;
  std::optional<std::int64_t> t_icl_step;
  std::optional<std::int64_t> t_icl_refined;
  std::optional<theory::Prediction> theory;
  std::vector<std::int64_t> metric_steps;
  std::vector<std::vector<double>> metrics;  ///< by the collector's columns; may be fewer
  std::vector<std::string> origin = {};      ///< what origin_names name
};

/// What is kept of a run's provenance.
constexpr std::array origin_names{"blas_kernel_set", "cpu", "host", "commit"};

/// A key that is not set is NaN; text too, which is no number.
double number(const config::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* on = std::get_if<bool>(&value)) return *on ? 1 : 0;
  return nan;
}

bool before(const Row& a, const Row& b) {
  for (std::size_t i = 0; i < a.place.size(); ++i) {
    if (a.place[i] == b.place[i]) continue;
    const double x = number(a.place[i]);
    const double y = number(b.place[i]);
    return x == y || std::isnan(x) || std::isnan(y) ? a.place[i] < b.place[i] : x < y;
  }
  return std::pair(a.seed, a.hash) < std::pair(b.seed, b.hash);
}

/// Reads the runs of a folder.
class Collector {
 public:
  Collector(const Folder& folder, const Plan& plan) : folder_(folder), plan_(plan) {}

  void collect() {
    const std::vector<std::string> stored = folder_.stored();
    for (std::size_t run = 0; run < plan_.size(); ++run) {
      if (!std::ranges::binary_search(stored, plan_.hash(run))) {
        report.missing.push_back(plan_.describe(run));
      }
    }
    for (const std::string& hash : stored) read(hash);
    std::ranges::sort(rows, before);
    report.merged = rows.size();
    report.kernel_sets.assign(kernel_sets_.begin(), kernel_sets_.end());
  }

  std::vector<Row> rows;
  std::vector<train::Metric> columns;  ///< of all runs, but for those of single parameters
  MergeReport report;

 private:
  void read(const std::string& hash) {
    const std::filesystem::path file = folder_.run_file(hash);
    try {
      io::RunRecord run = io::read_run(file).record;
      if (io::run_hash(run) != hash) throw Error(ExitCode::bad_input, "it is another run's");
      require_of_sweep(run.config);
      require_same_items(run);
      if (run.status == io::RunStatus::done || run.status == io::RunStatus::diverged) {
        keep(hash, std::move(run));
      } else {
        const std::size_t number = plan_.find(hash);
        report.unfinished.push_back(number < plan_.size() ? plan_.describe(number) : hash);
      }
    } catch (const Error& error) {
      report.damaged.emplace_back(file.string(), error.what());
    }
  }

  /// Only the axes and the seed may differ from the sweep's base.
  void require_of_sweep(const config::Config& config) const {
    const config::Sweep& sweep = plan_.sweep();
    for (const config::Field& field : config::fields()) {
      if (field.name == "train.seed" || field.name == "record.publish_seconds") continue;
      if (std::ranges::find(sweep.axes, &field, &config::Axis::field) != sweep.axes.end()) continue;
      if (config::get(field, config) == config::get(field, sweep.base)) continue;
      throw Error(ExitCode::bad_input,
                  fmt::format("it is a run of another sweep: {} differs", field.name));
    }
  }

  void keep(const std::string& hash, io::RunRecord run) {
    Row row{hash,
            {},
            run.config.train.seed,
            run.status,
            run.stop_reason,
            run.step,
            run.numerics,
            run.t_icl_step,
            run.t_icl_refined,
            theory_of(run),
            std::move(run.metric_steps),
            by_column(run)};
    for (const config::Axis& axis : plan_.sweep().axes) {
      row.place.push_back(config::get(*axis.field, run.config));
    }
    for (const char* name : origin_names) row.origin.push_back(text_of(run.provenance, name));
    ++kernel_sets_[row.origin.front()];
    if (run.mixed_kernel_sets) report.mixed.push_back(hash);
    rows.push_back(std::move(row));
  }

  static std::optional<theory::Prediction> theory_of(const io::RunRecord& run) {
    const auto prediction = io::predict(run);
    return prediction ? prediction->theory : std::nullopt;
  }

  /// All runs of a sweep have the same items, if these come from a file.
  void require_same_items(const io::RunRecord& run) {
    if (!items_hash_) items_hash_ = run.items_hash;
    if (run.items_hash == *items_hash_) return;
    throw Error(ExitCode::bad_input,
                fmt::format("it was made with other items than the runs before: {} was changed "
                            "meanwhile",
                            run.config.data.items.value_or("data.items")));
  }

  std::vector<std::vector<double>> by_column(io::RunRecord& run) {
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

  static std::string text_of(const io::Provenance& provenance, std::string_view name) {
    const auto at =
        std::ranges::find(provenance, name, [](const auto& entry) { return entry.first; });
    const auto* text = at == provenance.end() ? nullptr : std::get_if<std::string>(&at->second);
    return text == nullptr ? "unknown" : *text;
  }

  const Folder& folder_;
  const Plan& plan_;
  std::map<std::string, std::size_t> kernel_sets_;
  std::optional<std::string> items_hash_;
};

template <class Get>
auto column(const std::vector<Row>& rows, Get get) {
  std::vector<std::decay_t<decltype(get(rows.front()))>> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(get(row));
  return values;
}

/// An axis as a column: text, integers where every run has one, otherwise numbers (data.K, which
/// may be infinite, always).
io::Column axis_column(const std::vector<Row>& rows, const config::Field& field, std::size_t axis) {
  const std::string name(field.name);
  const bool text = std::ranges::any_of(
      rows, [&](const Row& r) { return std::holds_alternative<std::string>(r.place[axis]); });
  if (text) {
    return {name, column(rows, [&](const Row& r) {
              const auto* value = std::get_if<std::string>(&r.place[axis]);
              return value == nullptr ? std::string() : *value;
            })};
  }
  const bool integers = std::ranges::all_of(
      rows, [&](const Row& r) { return std::holds_alternative<std::int64_t>(r.place[axis]); });
  if (integers && !std::holds_alternative<config::DiversityAccess>(field.access) &&
      !std::holds_alternative<config::NumberAccess>(field.access)) {
    return {name,
            column(rows, [&](const Row& r) { return std::get<std::int64_t>(r.place[axis]); })};
  }
  return {name, column(rows, [&](const Row& r) { return number(r.place[axis]); })};
}

/// Hash, place in the grid, and how it ended.
std::vector<io::Column> describe_rows(const Collector& runs, const Plan& plan) {
  const std::vector<Row>& rows = runs.rows;
  std::vector<io::Column> columns;
  columns.push_back({"hash", column(rows, [](const Row& r) { return r.hash; })});
  for (std::size_t i = 0; i < plan.sweep().axes.size(); ++i) {
    columns.push_back(axis_column(rows, *plan.sweep().axes[i].field, i));
  }
  columns.push_back({"seed", column(rows, [](const Row& r) { return r.seed; })});
  columns.push_back(
      {"status", column(rows, [](const Row& r) { return std::string(io::to_string(r.status)); })});
  columns.push_back({"stop_reason", column(rows, [](const Row& r) { return r.stop_reason; })});
  columns.push_back({"steps", column(rows, [](const Row& r) { return r.steps; })});
  columns.push_back({"numerics_version", column(rows, [](const Row& r) { return r.numerics; })});
  columns.push_back({"t_icl_step", column(rows, [](const Row& r) {
                       const std::int64_t seen = r.metric_steps.empty() ? 0 : r.metric_steps.back();
                       return r.t_icl_step.value_or(seen);
                     })});
  columns.push_back(
      {"censored", column(rows, [](const Row& r) { return std::int64_t{r.t_icl_step ? 0 : 1}; })});
  const auto or_nan = [](const auto& value) { return value ? static_cast<double>(*value) : nan; };
  const auto theory_column = [&](const char* name, auto get) {
    columns.push_back({name, column(rows, [&](const Row& r) {
                         return r.theory ? or_nan(get(*r.theory)) : nan;
                       })});
  };
  columns.push_back(
      {"t_icl_step_refined", column(rows, [&](const Row& r) { return or_nan(r.t_icl_refined); })});
  theory_column("theory_tau_star",
                [](const theory::Prediction& t) { return std::optional(t.tau_star); });
  theory_column("theory_t_icl_step_from_initial",
                [](const theory::Prediction& t) { return std::optional(t.initial_steps); });
  theory_column("theory_t_icl_step_from_measured",
                [](const theory::Prediction& t) { return t.measured_steps; });
  for (std::size_t m = 0; m < runs.columns.size(); ++m) {
    columns.push_back({"final_" + runs.columns[m].name, column(rows, [&](const Row& r) {
                         const bool has = m < r.metrics.size() && !r.metrics[m].empty();
                         return has ? r.metrics[m].back() : nan;
                       })});
  }
  return columns;
}

void write_runs(io::Hdf5Writer& file, const Collector& runs, const Plan& plan,
                const Folder& folder) {
  const std::vector<Row>& rows = runs.rows;
  std::vector<io::Column> columns = describe_rows(runs, plan);
  columns.push_back({"file", column(rows, [&](const Row& r) {
                       return folder.run_file(r.hash).lexically_relative(folder.path()).string();
                     })});
  file.table("/runs", "one row a run", columns);
}

/// Each metric [run, step] on the union of all runs' steps.
void write_metrics(io::Hdf5Writer& file, const Collector& runs, const Plan& plan) {
  const std::vector<Row>& rows = runs.rows;
  std::set<std::int64_t> all;
  for (const Row& row : rows) all.insert(row.metric_steps.begin(), row.metric_steps.end());
  const std::vector<std::int64_t> steps(all.begin(), all.end());
  io::GroupWriter group(file, "/metrics");
  group.axis("run", static_cast<std::int64_t>(rows.size()));
  group.axis("step", steps);
  group.caption("step", io::step_caption());
  group.caption("run", {"1", "run", "row of /runs"});
  group.plot("icl_accuracy", {"run", "step"}, fmt::format("{} runs", rows.size()));

  std::string coordinates = "seed";
  group.dataset("seed", {"run"}, {rows.size()},
                std::span<const std::int64_t>(column(rows, [](const Row& r) { return r.seed; })),
                {"1", "seed", "train.seed"});
  for (std::size_t i = 0; i < plan.sweep().axes.size(); ++i) {
    const config::Field& field = *plan.sweep().axes[i].field;
    const io::Column values = axis_column(rows, field, i);
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
    std::vector<double> array(rows.size() * steps.size(), nan);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (m >= rows[r].metrics.size() || rows[r].metrics[m].empty()) continue;
      auto at = steps.begin();
      for (std::size_t i = 0; i < rows[r].metric_steps.size(); ++i) {
        at = std::lower_bound(at, steps.end(), rows[r].metric_steps[i]);
        array[r * steps.size() + static_cast<std::size_t>(at - steps.begin())] =
            rows[r].metrics[m][i];
      }
    }
    group.dataset(metric.name, {"run", "step"}, {rows.size(), steps.size()},
                  std::span<const double>(array), io::caption_of(metric));
    group.dataset_attribute(metric.name, "coordinates", coordinates);
    io::say_source(group, metric);
  }
}

void write_head(io::Hdf5Writer& file, const MergeReport& report, const Plan& plan) {
  file.root_text("format", "icl sweep");
  file.attribute("/", "format_version", io::format_version);
  file.root_text("NX_class", "NXroot");
  file.root_text("default", "metrics");
  file.attribute("/", "runs_merged", static_cast<std::int64_t>(report.merged));
  file.attribute("/", "runs_missing", static_cast<std::int64_t>(report.missing.size()));
  file.attribute("/", "runs_unfinished", static_cast<std::int64_t>(report.unfinished.size()));
  file.attribute("/", "runs_damaged", static_cast<std::int64_t>(report.damaged.size()));
  io::write_config(file, config::to_toml(plan.sweep()), plan.sweep().base);
}

void write_provenance(io::Hdf5Writer& file, const std::vector<Row>& rows) {
  io::write_provenance(file, io::describe_process(1, ""));
  std::vector<io::Column> columns{{"hash", column(rows, [](const Row& r) { return r.hash; })}};
  for (std::size_t i = 0; i < origin_names.size(); ++i) {
    columns.push_back(
        {origin_names.at(i), column(rows, [&](const Row& r) { return r.origin[i]; })});
  }
  file.table("/provenance/runs", "where each run was trained last", columns);
}

}  // namespace

Merged merge(const Folder& folder, const Plan& plan) {
  Collector collector(folder, plan);
  collector.collect();
  if (collector.rows.empty()) collector.columns = train::metrics(plan.sweep().base, {});
  io::Hdf5Writer file;
  write_head(file, collector.report, plan);
  write_runs(file, collector, plan, folder);
  write_metrics(file, collector, plan);
  write_provenance(file, collector.rows);
  std::vector<std::byte> image = std::move(file).finish();
  const std::string toml = config::to_toml(plan.sweep());
  io::Envelope envelope;
  envelope.kind = io::FileKind::sweep;
  envelope.status = collector.report.missing.empty() && collector.report.unfinished.empty() &&
                            collector.report.damaged.empty()
                        ? "complete"
                        : "partial";
  envelope.config_xxh128 = io::hash_hex(std::as_bytes(std::span(toml)));
  io::seal(image, std::move(envelope));
  return {std::move(image), std::move(collector.report)};
}

}  // namespace icl::sweep
