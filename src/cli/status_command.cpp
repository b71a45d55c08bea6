#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "icl/cli/json.hpp"
#include "icl/cli/summary.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

using sweep::RunState;
using sweep::RunStatus;

enum class StatusForm : std::uint8_t { points, json, paths };

struct StatusCommand {
  std::filesystem::path folder;
  std::vector<std::string> where;  ///< KEY=VALUE, all of which hold
  StatusForm form = StatusForm::points;
};

/// A run of the sweep that was asked for.
struct ListedRun {
  std::size_t index;
  RunStatus status;
};

/// Whether a run has a value; the error that no run has it says which there are.
std::vector<ListedRun> runs_where(const sweep::Plan& plan, const std::vector<std::string>& where) {
  std::vector<config::Setting> wanted;
  wanted.reserve(where.size());
  for (const std::string& text : where) wanted.push_back(config::parse_setting(text, "--where"));
  std::vector<ListedRun> runs;
  for (std::size_t run = 0; run < plan.size(); ++run) {
    const config::Config config = plan.config(run);
    const bool all = std::ranges::all_of(wanted, [&](const config::Setting& setting) {
      return config::get(*setting.field, config) == setting.value;
    });
    if (all) runs.push_back({run, {}});
  }
  if (!runs.empty()) return runs;
  std::string there;
  for (const config::Setting& setting : wanted) {
    std::vector<std::string> values;
    const bool seed = setting.field->name == "train.seed";
    for (const std::int64_t s : plan.sweep().seeds) {
      if (seed) values.push_back(fmt::to_string(s));
    }
    for (const config::Value& value : plan.sweep().values_of(*setting.field)) {
      values.push_back(config::to_text(value));
    }
    if (values.empty()) {
      values.push_back(config::to_text(config::get(*setting.field, plan.sweep().base)));
    }
    there += fmt::format("; {} is {} here", setting.field->name, fmt::join(values, ", "));
  }
  throw Error(ExitCode::usage,
              fmt::format("no run has --where {}{}", fmt::join(where, " --where "), there));
}

Json row_of(const sweep::Plan& plan, const sweep::Folder& folder, const ListedRun& run) {
  const config::Config config = plan.config(run.index);
  Json row;
  row["hash"] = plan.hash(run.index);
  for (const config::Field* field : plan.sweep().varied()) {
    row[std::string(field->name)] = to_json(config::get(*field, config));
  }
  row["seed"] = config.train.seed;
  row["status"] = to_string(run.status.state);
  row["step"] = run.status.step;
  row["t_icl_step"] = run.status.t_icl_step ? Json(*run.status.t_icl_step) : Json(nullptr);
  row["file"] = folder.run_file(plan.hash(run.index)).string();
  if (!run.status.problem.empty()) row["problem"] = run.status.problem;
  return row;
}

void print_json(const sweep::Plan& plan, const sweep::Folder& folder,
                const std::vector<ListedRun>& runs, const SweepCounts& counts) {
  Json json;
  for (std::size_t s = 0; s < sweep::state_names.size(); ++s) {
    json["counts"][std::string(sweep::state_names.at(s))] = counts.by_state.at(s);
  }
  json["acquired"] = counts.acquired;
  json["runs"] = Json::array();
  for (const ListedRun& run : runs) json["runs"].push_back(row_of(plan, folder, run));
  print(json_text(json));
}

/// "data.K = 64, data.N = 8": a run's place in the grid, but for its seed.
std::string point_of_run(const sweep::Plan& plan, std::size_t run) {
  std::string place = plan.describe(run);
  const std::size_t seed = place.rfind(", seed ");
  place.erase(seed == std::string::npos ? 0 : seed);
  return place;
}

/// One line for each point of the grid, over its seeds.
void print_points(const sweep::Plan& plan, const std::vector<ListedRun>& runs) {
  constexpr std::size_t most_lines = 60;
  const std::size_t seeds = plan.sweep().seeds.size();
  std::vector<std::vector<ListedRun>> points;
  for (const ListedRun& run : runs) {
    if (points.empty() || points.back().front().index / seeds != run.index / seeds) {
      points.emplace_back();
    }
    points.back().push_back(run);
  }
  if (points.size() > most_lines) {
    print(fmt::format("({} points of the grid: --json lists them)\n", points.size()));
    return;
  }
  print("\n  done of seeds  ICL acquired  median step of t_ICL\n");
  for (const auto& point : points) {
    std::vector<std::int64_t> times;
    std::size_t done = 0;
    for (const ListedRun& run : point) {
      if (has_ended(run.status.state)) ++done;
      if (run.status.t_icl_step) times.push_back(*run.status.t_icl_step);
    }
    // Runs that have not acquired ICL count as later than all others.
    std::ranges::sort(times);
    const bool known = 2 * times.size() > point.size();
    print(fmt::format("  {:>4} of {:<4}   {:>8}      {:>12}        {}\n", done, point.size(),
                      times.size(), known ? fmt::to_string(times[(point.size() - 1) / 2]) : "-",
                      printable(point_of_run(plan, point.front().index))));
  }
}

/// The files that there are, one a line, as the system names them: for xargs and scripts.
void print_paths(const sweep::Plan& plan, const sweep::Folder& folder,
                 const std::vector<ListedRun>& runs) {
  std::string text;
  for (const ListedRun& run : runs) {
    if (run.status.state == RunState::waiting) continue;
    const std::filesystem::path file = folder.run_file(plan.hash(run.index));
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) text += file.native() + "\n";
  }
  print(text);
}

ExitCode run(const StatusCommand& command) {
  const sweep::Folder folder(command.folder);
  const sweep::Plan plan(folder.sweep());
  std::vector<ListedRun> runs = runs_where(plan, command.where);
  SweepCounts counts;
  for (ListedRun& run : runs) {
    run.status = folder.status(plan.hash(run.index));
    counts.add(run.status);
  }
  if (command.form == StatusForm::json) {
    print_json(plan, folder, runs, counts);
    return ExitCode::done;
  }
  if (command.form == StatusForm::paths) {
    print_paths(plan, folder, runs);
    return ExitCode::done;
  }
  print(counts_text(counts, runs.size()));
  for (const ListedRun& run : runs) {
    if (run.status.state == RunState::damaged)
      print(fmt::format("damaged: {}\n", printable(run.status.problem)));
  }
  print_points(plan, runs);
  return ExitCode::done;
}

}  // namespace

void commands::status(Command& program) {
  Command& status = program.add_command("status", "Say how the runs of a sweep stand");
  auto& to = status.set_action<StatusCommand>(run);
  status.add_example("icl status results", "How many runs are done, and at which settings");
  status.add_example("icl status results --where data.K=64 --paths",
                     "The files of the runs with K = 64");
  status.add({.names = "DIR", .to = &to.folder, .doc = "Folder of the sweep", .required = true});
  status.add({.names = "--where",
              .to = &to.where,
              .doc = "Only runs with this setting (several times: with all of them)",
              .value = "KEY=VALUE"});
  status.add({.names = "--json",
              .to = [&to] { to.form = StatusForm::json; },
              .doc = "As JSON, run by run"});
  status.add({.names = "--paths",
              .to = [&to] { to.form = StatusForm::paths; },
              .doc = "The run files that there are, one a line",
              .excludes = {"--json"}});
}

}  // namespace icl::cli
