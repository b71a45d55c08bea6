#include "icl/cli/sweep_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "icl/cli/json.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/core/available_memory.hpp"
#include "icl/core/message.hpp"
#include "icl/sweep/forecast.hpp"
#include "icl/sweep/memory.hpp"

namespace icl::cli {

ExitCode print_forecast(const SweepRequest& request, const SweepForecast& how) {
  const sweep::Plan plan(load(request));
  folder_of(request).check_claimable(plan);
  const int threads = how.pace.threads;
  const auto runs = plan.shard(how.shard);
  const auto seconds = forecast(plan, runs, threads, places_of(request, plan.sweep()));
  const auto bytes = sweep::memory_of(plan, runs, threads);
  const int jobs =
      how.pace.jobs > 0 || how.ignore_memory_limit
          ? resolve_jobs(how.pace)
          : std::max(1, sweep::jobs_that_fit(bytes, resolve_jobs(how.pace), memory_bounds()));
  double sum = 0;
  double end = 0;
  if (seconds) {
    for (const double s : *seconds) sum += s;
    end = sweep::makespan(*seconds, static_cast<std::size_t>(jobs));
  }
  const auto if_measured = [&](double value) { return seconds ? Json(value) : Json(nullptr); };
  const double largest = sweep::memory_at_once(bytes, 1);
  const double at_once = sweep::memory_at_once(bytes, jobs);
  if (how.json) {
    Json json;
    json["sweep"] = config::to_toml(plan.sweep());
    json["runs"] = Json::array();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      json["runs"].push_back({{"hash", plan.hash(runs[i])},
                              {"run", plan.describe(runs[i])},
                              {"flop", plan.flop(runs[i])},
                              {"seconds", if_measured(seconds ? (*seconds)[i] : 0)},
                              {"bytes", bytes[i]}});
    }
    json["core_seconds"] = if_measured(sum * threads);
    json["jobs"] = jobs;
    json["seconds"] = if_measured(end);
    json["bytes"] = at_once;
    print(json_text(json));
    return ExitCode::done;
  }
  std::string time = "# time: not measured, since a few steps would take much memory already\n";
  if (seconds) {
    time = fmt::format(
        "# core time: about {} if no run stops early ({} thread{} a run)\n"
        "# time: about {} with {} at once, measured here\n",
        duration_text(sum * threads), threads, threads == 1 ? "" : "s", duration_text(end), jobs);
  }
  print(fmt::format("{}\n# runs: {}\n# memory: at most about {} a run, {} with {} at once\n{}",
                    config::to_toml(plan.sweep()), runs.size(), bytes_text(largest),
                    bytes_text(at_once), jobs, time));
  return ExitCode::done;
}

}  // namespace icl::cli
