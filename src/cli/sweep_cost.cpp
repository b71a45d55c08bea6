#include "icl/cli/sweep_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "icl/cli/dry_run.hpp"
#include "icl/config/field_values.hpp"
#include "icl/core/cpus.hpp"

namespace icl::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t many_runs = 1000000;
constexpr std::uint64_t most_runs = std::uint64_t{1} << 31U;

}  // namespace

config::Sweep load(const SweepCommand& command) {
  const auto view = [](const std::optional<std::string>& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
  };
  config::Sweep sweep = config::load_sweep(
      command.config, {view(command.scale), command.axes, view(command.seeds), command.overrides});
  if (command.kernels) {
    sweep.kernels = *command.kernels == "avx2" ? config::Kernels::avx2 : config::Kernels::own;
  }
  const std::uint64_t size = sweep::Plan::size_of(sweep);
  if (size > most_runs) {
    throw Error(ExitCode::usage,
                fmt::format("{}: a sweep has at most 2^31 runs", command.config.string()));
  }
  if (size > many_runs && !command.yes) {
    throw Error(ExitCode::usage,
                fmt::format("{}: {} runs; --yes if that is meant", command.config.string(), size));
  }
  return sweep;
}

sweep::Shard parse_shard(const std::string& text) {
  sweep::Shard shard;
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, shard.index);
  const bool slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = slash ? std::from_chars(index.ptr + 1, end, shard.count)
                           : std::from_chars_result{end, std::errc::invalid_argument};
  if (count.ec != std::errc() || count.ptr != end || shard.count < 1 || shard.index < 0 ||
      shard.index >= shard.count) {
    throw Error(ExitCode::usage,
                fmt::format("--shard {}: expected i/n with 0 <= i < n, as 0/4", text));
  }
  return shard;
}

run::ItemPlaces places_of(const SweepCommand& command, const config::Sweep& sweep) {
  run::ItemPlaces places;
  places.folder = command.items_folder ? fs::absolute(*command.items_folder)
                                       : run::items_folder_of(command.config);
  config::Config config = sweep.base;
  run::require_item_files(config, places);
  for (const char* const name : {"data.items", "data.novel_items"}) {
    const config::Field& field = *config::find_field(name);
    for (const config::Value& value : sweep.values_of(field)) {
      config::set(field, value, config);
      run::require_item_files(config, places);
    }
  }
  return places;
}

int resolve_jobs(const SweepCommand& command) {
  if (command.jobs < 0) {
    throw Error(ExitCode::usage, fmt::format("--jobs {}: must be positive", command.jobs));
  }
  return command.jobs > 0 ? command.jobs : std::max(1, choose_threads().threads / command.threads);
}

std::optional<std::vector<double>> forecast(const sweep::Plan& plan,
                                            const std::vector<std::size_t>& runs, int threads,
                                            const run::ItemPlaces& places) {
  if (runs.empty()) return std::vector<double>{};
  constexpr double process_seconds = 0.03;  // to start one and to publish, measured on Zen 3
  const auto seconds_per_flop = [&](std::size_t run) -> std::optional<double> {
    const config::Config config = plan.config(run);
    const auto speed = measure_speed(config, threads, places);
    if (!speed) return std::nullopt;
    return (process_seconds + run_seconds(config, *speed)) / plan.flop(run);
  };
  const double dear = plan.flop(runs.front());
  const double cheap = plan.flop(runs.back());
  const auto at_dear = seconds_per_flop(runs.front());
  const auto at_cheap = dear > cheap ? seconds_per_flop(runs.back()) : at_dear;
  if (!at_dear || !at_cheap) return std::nullopt;
  std::vector<double> seconds;
  for (const std::size_t run : runs) {
    const double place = dear > cheap ? (plan.flop(run) - cheap) / (dear - cheap) : 1;
    seconds.push_back(plan.flop(run) * (*at_cheap + place * (*at_dear - *at_cheap)));
  }
  return seconds;
}

}  // namespace icl::cli
