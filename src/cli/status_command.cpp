#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "icl/cli/json.hpp"
#include "icl/config/field_values.hpp"
#include "icl/core/message.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct StatusCommand {
  std::filesystem::path folder;
  bool json = false;
};

using sweep::RunState;
using sweep::RunStatus;

struct Counts {
  std::array<std::size_t, sweep::state_names.size()> by_state{};
  std::size_t acquired = 0;

  void add(const RunStatus& status) {
    ++by_state.at(static_cast<std::size_t>(status.state));
    if (status.t_icl_step) ++acquired;
  }
  [[nodiscard]] std::size_t operator[](RunState state) const {
    return by_state.at(static_cast<std::size_t>(state));
  }
};

void print_json(const sweep::Plan& plan, const std::vector<RunStatus>& statuses,
                const Counts& counts) {
  Json json;
  for (std::size_t s = 0; s < sweep::state_names.size(); ++s) {
    json["counts"][std::string(sweep::state_names.at(s))] = counts.by_state.at(s);
  }
  json["acquired"] = counts.acquired;
  json["runs"] = Json::array();
  for (std::size_t run = 0; run < statuses.size(); ++run) {
    const config::Config config = plan.config(run);
    Json row;
    row["hash"] = plan.hash(run);
    for (const config::Field* field : plan.sweep().varied()) {
      row[std::string(field->name)] = to_json(config::get(*field, config));
    }
    row["seed"] = config.train.seed;
    row["status"] = to_string(statuses[run].state);
    row["step"] = statuses[run].step;
    row["t_icl_step"] = statuses[run].t_icl_step ? Json(*statuses[run].t_icl_step) : Json(nullptr);
    if (!statuses[run].problem.empty()) row["problem"] = statuses[run].problem;
    json["runs"].push_back(std::move(row));
  }
  print(json_text(json));
}

/// One line for each point of the grid, over its seeds.
void print_points(const sweep::Plan& plan, const std::vector<RunStatus>& statuses) {
  constexpr std::size_t most_lines = 60;
  const std::size_t seeds = plan.sweep().seeds.size();
  const std::size_t points = statuses.size() / seeds;
  if (points > most_lines) {
    print(fmt::format("({} points of the grid: --json lists them)\n", points));
    return;
  }
  print("\n  done of seeds  ICL acquired  median step of t_ICL\n");
  for (std::size_t point = 0; point < points; ++point) {
    std::vector<std::int64_t> times;
    std::size_t done = 0;
    for (std::size_t run = point * seeds; run < (point + 1) * seeds; ++run) {
      if (has_ended(statuses[run].state)) ++done;
      if (statuses[run].t_icl_step) times.push_back(*statuses[run].t_icl_step);
    }
    // Runs that have not acquired ICL count as later than all others.
    std::ranges::sort(times);
    const bool known = 2 * times.size() > seeds;
    std::string place = plan.describe(point * seeds);
    place.erase(place.rfind(", seed ") == std::string::npos ? 0 : place.rfind(", seed "));
    print(fmt::format("  {:>4} of {:<4}   {:>8}      {:>12}        {}\n", done, seeds, times.size(),
                      known ? fmt::to_string(times[(seeds - 1) / 2]) : "-", printable(place)));
  }
}

ExitCode run(const StatusCommand& command) {
  const sweep::Folder folder(command.folder);
  const sweep::Plan plan(folder.sweep());
  std::vector<RunStatus> statuses;
  statuses.reserve(plan.size());
  Counts counts;
  for (std::size_t run = 0; run < plan.size(); ++run) {
    statuses.push_back(folder.status(plan.hash(run)));
    counts.add(statuses.back());
  }
  if (command.json) {
    print_json(plan, statuses, counts);
    return ExitCode::done;
  }
  print(fmt::format(
      "{} runs: {} done, {} diverged, {} running, {} interrupted, {} waiting, {} damaged; ICL "
      "acquired in {}\n",
      plan.size(), counts[RunState::done], counts[RunState::diverged], counts[RunState::running],
      counts[RunState::interrupted], counts[RunState::waiting], counts[RunState::damaged],
      counts.acquired));
  for (const RunStatus& status : statuses) {
    if (status.state == RunState::damaged)
      print(fmt::format("damaged: {}\n", printable(status.problem)));
  }
  print_points(plan, statuses);
  return ExitCode::done;
}

}  // namespace

void add_status(Command& program) {
  Command& status = program.add_command("status", "Say how the runs of a sweep stand");
  auto& to = status.set_action<StatusCommand>(run);
  status.add_example("icl status results", "How many runs are done, and at which settings");
  status.add_example("icl status results --json", "Run by run, for programs");
  status.add({.names = "DIR", .to = &to.folder, .doc = "Folder of the sweep", .required = true});
  status.add({.names = "--json", .to = &to.json, .doc = "As JSON, run by run"});
}

}  // namespace icl::cli
