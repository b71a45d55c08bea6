#include "icl/cli/sweep_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "icl/cli/dry_run.hpp"
#include "icl/cli/session.hpp"
#include "icl/config/field_values.hpp"
#include "icl/core/cpus.hpp"
#include "icl/core/message.hpp"

namespace icl::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t many_runs = 1000000;
constexpr std::uint64_t most_runs = std::uint64_t{1} << 31U;

/// A user's own sweep.toml is not the one of a sweep's folder, and must not become it.
void check_folder(const SweepRequest& request, const sweep::Folder& folder) {
  std::error_code ignored;
  if (!fs::equivalent(request.config, folder.manifest(), ignored)) return;
  try {
    (void)folder.sweep();
  } catch (const Error&) {
    throw Error(ExitCode::usage,
                fmt::format("--out '{}' is the folder of '{}' itself, where icl sweep would write "
                            "a sweep.toml of its own: choose another",
                            folder.path().string(), request.config.string()));
  }
}

/// As asked for, or by the file's name, which is then said.
fs::path path_of(const SweepRequest& request) {
  if (!request.out.empty()) return request.out;
  if (request.config == "-") {
    throw Error(
        ExitCode::usage,
        "a sweep from standard input has no name to call its folder by: give it with --out");
  }
  fs::path folder = request.config.stem();
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_directory(folder, ignored)) {
    throw Error(ExitCode::usage, fmt::format("'{}', the folder's name by default, is a file: give "
                                             "another with --out",
                                             folder.string()));
  }
  if (!request.quiet) say(fmt::format("folder of the sweep: {}", folder.string()));
  return folder;
}

}  // namespace

config::Sweep load(const SweepRequest& request) {
  const auto view = [](const std::optional<std::string>& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
  };
  config::Sweep sweep = config::load_sweep(
      request.config, {view(request.scale), request.axes, view(request.seeds), request.overrides});
  if (request.kernels) {
    sweep.kernels = *request.kernels == "avx2" ? config::Kernels::avx2 : config::Kernels::own;
  }
  const std::uint64_t size = sweep::Plan::size_of(sweep);
  if (size > most_runs) {
    throw Error(ExitCode::usage,
                fmt::format("{}: a sweep has at most 2^31 runs", request.config.string()));
  }
  if (size > many_runs && !request.yes) {
    throw Error(ExitCode::usage,
                fmt::format("{}: {} runs; --yes if that is meant", request.config.string(), size));
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

run::ItemPlaces places_of(const SweepRequest& request, const config::Sweep& sweep) {
  run::ItemPlaces places;
  places.folder = request.items_folder ? fs::absolute(*request.items_folder)
                                       : run::items_folder_of(request.config);
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

sweep::Folder folder_of(const SweepRequest& request) {
  sweep::Folder folder(path_of(request));
  check_folder(request, folder);
  return folder;
}

void require_possible(const Pace& pace) {
  static_cast<void>(resolve_threads(std::max(1, pace.threads)));
  if (pace.threads < 1) {
    throw Error(ExitCode::usage, fmt::format("--threads {}: must be positive", pace.threads));
  }
  if (pace.jobs < 0) {
    throw Error(ExitCode::usage, fmt::format("--jobs {}: must be positive", pace.jobs));
  }
}

int resolve_jobs(const Pace& pace) {
  return pace.jobs > 0 ? pace.jobs : std::max(1, choose_threads().threads / pace.threads);
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
