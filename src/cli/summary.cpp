#include "icl/cli/summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "icl/cli/status_line.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/sweep.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/run/config_group.hpp"
#include "icl/task/evaluation_set.hpp"

namespace icl::cli {
namespace {

/// The parts, separated by commas, in as many of them as one line of 100 columns has room for.
std::string one_line(const std::string& head, const std::vector<std::string>& parts) {
  constexpr std::size_t columns = 100;
  constexpr std::size_t room_for_rest = 20;
  std::string line = head;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part = fmt::format("{}{}", i == 0 ? "" : ", ", printable(parts[i]));
    if (i > 0 && line.size() + part.size() + room_for_rest > columns) {
      return line + fmt::format(" and {} more (--all)\n", parts.size() - i);
    }
    line += part;
  }
  return line + '\n';
}

/// At most 100 columns: what is too long ends at a blank.
std::string shortened(const std::string& line) {
  constexpr std::size_t columns = 100;
  if (line.size() <= columns) return line;
  const std::size_t blank = line.rfind(' ', columns - 4);
  return line.substr(0, blank == std::string::npos ? columns - 4 : blank) + " ...";
}

/// "K = 512, N = 20": the settings that are not the defaults.
std::vector<std::string> settings_of(const config::Config& config) {
  static const config::Config defaults;
  std::vector<std::string> settings;
  for (const config::Field& field : config::fields()) {
    const config::Value value = config::get(field, config);
    if (value == config::get(field, defaults)) continue;
    settings.push_back(fmt::format("{} = {}", field.name, config::to_text(value)));
  }
  return settings;
}

std::string standing(const run::RunRecord& run) {
  const std::int64_t last = config::last_step(run.config);
  const std::string reason = run.stop_reason.empty() || run.stop_reason == "epochs"
                                 ? ""
                                 : fmt::format(", stopped by stop.{}", run.stop_reason);
  const std::string from =
      run.origin ? fmt::format(", a branch from step {}", run.origin->state.progress.step) : "";
  return fmt::format("{} at step {} of {}{}{}\n", run::to_string(run.status), run.step, last,
                     reason, from);
}

std::string acquisition(const run::RunRecord& run) {
  if (!config::row_of(config::task_of(run.config)).labels) return "";
  if (run::column(run, "train_accuracy").empty() && !run.metric_steps.empty()) return "";
  if (!run.t_icl_step) return "ICL not acquired\n";
  return fmt::format("ICL acquired at step {}{}\n", *run.t_icl_step,
                     run.t_icl_refined ? fmt::format(", to the step {}", *run.t_icl_refined) : "");
}

std::string last_values(const run::RunRecord& run) {
  if (run.metric_steps.empty()) return "no evaluation yet\n";
  const bool judges = !run::column(run, "train_accuracy").empty();
  std::string text =
      fmt::format("loss{} at step {}:", judges ? " (accuracy)" : "", run.metric_steps.back());
  const auto add = [&](std::string_view set, std::string_view title) {
    const auto loss = run::column(run, fmt::format("{}_loss", set));
    const auto accuracy = run::column(run, fmt::format("{}_accuracy", set));
    if (loss.empty() || std::isnan(loss.back())) return;
    text += fmt::format("  {} {:.4f}", title, loss.back());
    if (!accuracy.empty()) text += fmt::format(" ({:.3f})", accuracy.back());
  };
  add("train", "train");
  for (const task::EvaluationSet& set : task::evaluation_sets) {
    if (set.role != task::Role::none) add(set.name, set.title);
  }
  return text + '\n';
}

std::string how_trained(const run::RunRecord& run) {
  if (run.provenance.empty()) return "";
  double seconds = 0;
  for (const run::Stretch& stretch : run.provenance) seconds += stretch.wall_seconds;
  const run::Stretch& last = run.provenance.back();
  return fmt::format(
      "trained in {} on {} thread{}, {}: {}, kernels {}, {}\n", duration_text(seconds),
      last.threads, last.threads == 1 ? "" : "s",
      run.provenance.size() == 1 ? "in one go"
                                 : fmt::format("in {} stretches", run.provenance.size()),
      printable(last.host), printable(last.blas_kernel_set), printable(last.time_published));
}

}  // namespace

SweepCounts count_runs(const sweep::Folder& folder, const sweep::Plan& plan) {
  SweepCounts counts;
  for (std::size_t run = 0; run < plan.size(); ++run) counts.add(folder.status(plan.hash(run)));
  return counts;
}

std::string counts_text(const SweepCounts& counts, std::size_t runs) {
  using sweep::RunState;
  return fmt::format(
      "{} run{}: {} done, {} diverged, {} running, {} interrupted, {} waiting, {} damaged; ICL "
      "acquired in {}\n",
      runs, runs == 1 ? "" : "s", counts[RunState::done], counts[RunState::diverged],
      counts[RunState::running], counts[RunState::interrupted], counts[RunState::waiting],
      counts[RunState::damaged], counts.acquired);
}

std::string summary_of(const run::RunRecord& run, const std::string& file) {
  std::string text =
      fmt::format("{}: a run: {}\n", printable(file), printable(run::title_of(run.config)));
  text += standing(run) + acquisition(run) + last_values(run);
  text += one_line("set: ", settings_of(run.config));
  text += fmt::format("holds {} evaluations of {} quantities, {} snapshots of {} tensors\n",
                      run.metric_steps.size(), run.columns.size(), run.snapshot_steps.size(),
                      run.parameters.size());
  text += how_trained(run);
  if (run.mixed_kernel_sets) text += "was resumed under other BLAS kernels than it began with\n";
  return text;
}

std::string summary_of(const sweep::Folder& folder, const sweep::Plan& plan,
                       const SweepCounts& counts) {
  std::string text = fmt::format("{}: the folder of a sweep\n", printable(folder.path().string()));
  text += counts_text(counts, plan.size());
  config::Config shared = plan.sweep().base;
  const auto varied = plan.sweep().varied();
  std::vector<std::string> axes;
  axes.reserve(varied.size());
  for (const config::Field* field : varied) {
    const std::vector<config::Value> values = plan.sweep().values_of(*field);
    if (values.size() == 1) {
      config::set(*field, values.front(), shared);
    } else {
      axes.push_back(fmt::format("{} ({} values)", field->name, values.size()));
    }
  }
  if (!axes.empty()) text += one_line("differ in: ", axes);
  text += fmt::format("seeds: {}\n", plan.sweep().seeds.size());
  text += one_line("set: ", settings_of(shared));
  return text +
         "icl status lists the points of the grid, icl merge writes the runs into one file\n";
}

std::string summary_of(const store::Contents& contents, const std::string& file,
                       const std::string& kind) {
  std::string text =
      fmt::format("{}: {}{}\n", printable(file), kind,
                  contents.format.empty() ? "" : fmt::format(" ({})", printable(contents.format)));
  std::size_t lines = 1;
  for (const store::StoredObject& object : contents.datasets) {
    if (++lines == most_summary_lines && contents.datasets.size() >= most_summary_lines) {
      return text + fmt::format("  and {} datasets more (--all)\n",
                                contents.datasets.size() + 2 - most_summary_lines);
    }
    text += shortened(printable(fmt::format("  {:<32} [{}] {}{}", object.path,
                                            fmt::join(object.shape, ", "), object.type,
                                            object.doc.empty() ? "" : ", " + object.doc))) +
            "\n";
  }
  return text;
}

Json to_json(const run::RunRecord& run) {
  Json json;
  json["kind"] = "run";
  json["status"] = run::to_string(run.status);
  json["stop_reason"] = run.stop_reason.empty() ? Json(nullptr) : Json(run.stop_reason);
  json["step"] = run.step;
  json["last_step"] = config::last_step(run.config);
  json["t_icl_step"] = run.t_icl_step ? Json(*run.t_icl_step) : Json(nullptr);
  json["t_icl_step_refined"] = run.t_icl_refined ? Json(*run.t_icl_refined) : Json(nullptr);
  json["final"] = Json::object();
  if (!run.metric_steps.empty()) {
    json["final"]["step"] = run.metric_steps.back();
    for (std::size_t i = 0; i < run.metrics.size(); ++i) {
      json["final"][run.columns[i].name] = to_json(config::Value(run.metrics[i].back()));
    }
  }
  json["evaluations"] = run.metric_steps.size();
  json["snapshots"] = run.snapshot_steps;
  json["config"] = to_json(run.config);
  json["config_xxh128"] = run::config_hash(run.config);
  json["provenance"] = Json::array();
  for (const run::Stretch& stretch : run.provenance) json["provenance"].push_back(to_json(stretch));
  return json;
}

Json to_json(const sweep::Plan& plan, const SweepCounts& counts) {
  Json json;
  json["kind"] = "sweep folder";
  json["runs"] = plan.size();
  for (std::size_t s = 0; s < sweep::state_names.size(); ++s) {
    json["counts"][std::string(sweep::state_names.at(s))] = counts.by_state.at(s);
  }
  json["acquired"] = counts.acquired;
  json["axes"] = Json::object();
  for (const config::Field* field : plan.sweep().varied()) {
    for (const config::Value& value : plan.sweep().values_of(*field)) {
      json["axes"][std::string(field->name)].push_back(to_json(value));
    }
  }
  json["seeds"] = plan.sweep().seeds;
  json["base"] = to_json(plan.sweep().base);
  return json;
}

Json to_json(const store::Contents& contents, const std::string& kind) {
  Json json;
  json["kind"] = kind;
  json["format"] = contents.format.empty() ? Json(nullptr) : Json(contents.format);
  json["datasets"] = Json::object();
  for (const store::StoredObject& object : contents.datasets) {
    json["datasets"][object.path] = {
        {"shape", object.shape}, {"type", object.type}, {"long_name", object.doc}};
  }
  return json;
}

}  // namespace icl::cli
