#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "icl/cli/commands.hpp"
#include "icl/cli/dry_run.hpp"
#include "icl/cli/json.hpp"
#include "icl/cli/signals.hpp"
#include "icl/cli/slurm_script.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/cli/sweep_cost.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/sweep.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/cpus.hpp"
#include "icl/core/message.hpp"
#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/sweep/forecast.hpp"
#include "icl/sweep/memory.hpp"
#include "icl/sweep/runner.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

namespace fs = std::filesystem;

// ---- The plan, without training ----

ExitCode print_plan(const SweepCommand& command, const sweep::Plan& plan) {
  const auto runs = plan.shard(parse_shard(command.shard));
  const auto seconds = forecast(plan, runs, command.threads, places_of(command, plan.sweep()));
  const auto bytes = sweep::memory_of(plan, runs, command.threads);
  const int jobs =
      command.jobs > 0 || command.ignore_memory_limit
          ? resolve_jobs(command)
          : std::max(1, sweep::jobs_that_fit(bytes, resolve_jobs(command), memory_bounds()));
  double sum = 0;
  double end = 0;
  if (seconds) {
    for (const double s : *seconds) sum += s;
    end = sweep::makespan(*seconds, static_cast<std::size_t>(jobs));
  }
  const auto if_measured = [&](double value) { return seconds ? Json(value) : Json(nullptr); };
  const double largest = sweep::memory_at_once(bytes, 1);
  const double at_once = sweep::memory_at_once(bytes, jobs);
  if (command.json) {
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
    json["core_seconds"] = if_measured(sum * command.threads);
    json["jobs"] = jobs;
    json["seconds"] = if_measured(end);
    json["bytes"] = at_once;
    print(json_text(json));
    return ExitCode::done;
  }
  std::string time =
      "# time: not measured, since a few steps would take long or much memory already\n";
  if (seconds) {
    time = fmt::format(
        "# core time: about {} if no run stops early ({} thread{} a run)\n"
        "# time: about {} with {} at once, measured here\n",
        duration_text(sum * command.threads), command.threads, command.threads == 1 ? "" : "s",
        duration_text(end), jobs);
  }
  print(fmt::format("{}\n# runs: {}\n# memory: at most about {} a run, {} with {} at once\n{}",
                    config::to_toml(plan.sweep()), runs.size(), bytes_text(largest),
                    bytes_text(at_once), jobs, time));
  return ExitCode::done;
}

// ---- A job array for Slurm ----

sweep::SlurmOptions job_array(const SweepCommand& command, const sweep::Plan& plan,
                              const sweep::Folder& folder) {
  const run::ItemPlaces places = places_of(command, plan.sweep());
  sweep::SlurmOptions options = slurm_options(command, plan, folder);
  if (plan.sweep().base.data.items) options.items_folder = places.folder;
  const auto dearest = plan.shard({0, options.tasks});
  const int at_once = std::max(1, options.cpus / options.threads);
  if (const auto seconds = forecast(plan, dearest, command.threads, places)) {
    options.task_seconds = sweep::makespan(*seconds, static_cast<std::size_t>(at_once));
  }
  // A quarter more, and room for the sweep's own process.
  constexpr double spare = 1.25;
  constexpr double own_bytes = 256e6;
  const auto bytes = sweep::memory_of(plan, dearest, command.threads);
  options.task_bytes = spare * sweep::memory_at_once(bytes, at_once) + own_bytes;
  return options;
}

// ---- Training ----

/// How a sweep stands, in one line.
class SweepLine {
 public:
  explicit SweepLine(bool quiet) : quiet_(quiet) {}

  void progress(const sweep::Tally& tally) {
    if (SignalGuard::stop_requested()) acknowledge_stop();  // the children have been told
    tally_ = tally;
    if (!quiet_ && line_.due()) line_.show(text());
  }
  void finish() {
    if (!quiet_) line_.finish(text());
  }

 private:
  [[nodiscard]] std::string text() const {
    const double elapsed = seconds(Clock::now() - start_);
    const auto ended = static_cast<double>(tally_.ended_here);
    std::string text =
        fmt::format("{}/{} done, {} running, {} failed", tally_.done + tally_.diverged,
                    tally_.total, tally_.running, tally_.failed);
    if (tally_.diverged > 0) text += fmt::format(", {} diverged", tally_.diverged);
    if (tally_.elsewhere > 0) text += fmt::format(", {} elsewhere", tally_.elsewhere);
    if (tally_.complete()) return text;
    if (tally_.work_done <= 0) return text + "  starting";
    return text + fmt::format("  {:.4g} runs/h  {} left", 3600 * ended / elapsed,
                              duration_text(tally_.work_left / tally_.work_done * elapsed));
  }

  bool quiet_;
  StatusLine line_;
  sweep::Tally tally_;
  Clock::time_point start_ = Clock::now();
};

/// Runs at once, so that those which have not ended fit in the memory that there is.
int jobs_in_memory(const SweepCommand& command, const sweep::Plan& plan,
                   const sweep::Folder& folder) {
  const int wanted = resolve_jobs(command);
  if (command.ignore_memory_limit) return wanted;
  std::vector<std::size_t> runs = plan.shard(parse_shard(command.shard));
  std::erase_if(
      runs, [&](std::size_t run) { return sweep::has_ended(folder.status(plan.hash(run)).state); });
  const std::vector<double> bytes = sweep::memory_of(plan, runs, command.threads);
  const auto bounds = memory_bounds();
  const int fit = sweep::jobs_that_fit(bytes, wanted, bounds);
  if (fit == 0) {
    const std::size_t largest =
        runs[static_cast<std::size_t>(std::ranges::max_element(bytes) - bytes.begin())];
    run::require_memory(run::footprint_of_training(plan.config(largest), command.threads),
                        fmt::format("the run with {}", plan.describe(largest)), bounds);
  }
  if (fit == wanted) return wanted;
  const MemoryBound narrow = *std::ranges::find_if(bounds, &MemoryBound::is_shared);
  if (command.jobs > 0) {
    throw Error(ExitCode::resources,
                fmt::format("--jobs {}: so many runs take up to {} of memory together, but {} has "
                            "{} left of {}: --jobs {} fits, or --ignore-memory-limit to try "
                            "nevertheless",
                            wanted, bytes_text(sweep::memory_at_once(bytes, wanted)), narrow.owner,
                            bytes_text(narrow.left), bytes_text(narrow.limit), fit));
  }
  if (!command.quiet && runs.size() > static_cast<std::size_t>(fit)) {
    say(fmt::format("{} runs at once in place of {}, as {} has {} of memory left", fit, wanted,
                    narrow.owner, bytes_text(narrow.left)));
  }
  return fit;
}

ExitCode train_all(const SweepCommand& command, const sweep::Plan& plan,
                   const sweep::Folder& folder) {
  const SignalGuard signals;
  SweepLine line(command.quiet);
  const sweep::RunnerOptions options{parse_shard(command.shard),
                                     jobs_in_memory(command, plan, folder),
                                     command.threads,
                                     command.kernel_change,
                                     places_of(command, plan.sweep()).folder,
                                     command.ignore_memory_limit};
  sweep::Runner runner(plan, folder, options,
                       {[&](const sweep::Tally& tally) { line.progress(tally); },
                        [&](std::size_t run, const std::string& message) {
                          say(fmt::format("run {} failed: {}", plan.describe(run), message));
                        }});
  const sweep::Tally tally = runner.run(SignalGuard::stop_requested());
  line.finish();
  const std::string where = folder.path().string();
  if (tally.complete()) {
    if (!command.quiet) {
      say(fmt::format(
          "{} run{} done{}: {}", tally.total, tally.total == 1 ? "" : "s",
          tally.diverged == 0 ? "" : fmt::format(", {} of them diverged", tally.diverged), where));
    }
    return ExitCode::done;
  }
  const std::size_t left = tally.total - tally.done - tally.diverged;
  if (runner.output_failed()) {
    throw Error(ExitCode::io,
                fmt::format("a run could not be written, so no other was started; {} of "
                            "{} left: {}",
                            left, tally.total, where));
  }
  if (runner.resources_failed()) {
    throw Error(ExitCode::resources,
                fmt::format("the machine lacks what a run needs, so no other was started; {} of {} "
                            "left: {}",
                            left, tally.total, where));
  }
  if (SignalGuard::stop_requested() || runner.out_of_cpu_time()) {
    say(fmt::format("interrupted; the same command goes on with the {} of {} runs left: {}", left,
                    tally.total, where));
    return ExitCode::interrupted;
  }
  throw Error(ExitCode::check_failed,
              fmt::format("{} of {} runs failed; the same command tries them again: {}",
                          tally.failed, tally.total, where));
}

/// A user's own sweep.toml is not the one of a sweep's folder, and must not become it.
void check_folder(const SweepCommand& command, const sweep::Folder& folder) {
  std::error_code ignored;
  if (!fs::equivalent(command.config, folder.manifest(), ignored)) return;
  try {
    (void)folder.sweep();
  } catch (const Error&) {
    throw Error(ExitCode::usage,
                fmt::format("--out '{}' is the folder of '{}' itself, where icl sweep would write "
                            "a sweep.toml of its own: choose another",
                            folder.path().string(), command.config.string()));
  }
}

/// As asked for, or by the file's name, which is then said.
fs::path folder_of(const SweepCommand& command) {
  if (!command.out.empty()) return command.out;
  if (command.config == "-") {
    throw Error(
        ExitCode::usage,
        "a sweep from standard input has no name to call its folder by: give it with --out");
  }
  fs::path folder = command.config.stem();
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_directory(folder, ignored)) {
    throw Error(ExitCode::usage, fmt::format("'{}', the folder's name by default, is a file: give "
                                             "another with --out",
                                             folder.string()));
  }
  if (!command.quiet && !command.json) say(fmt::format("folder of the sweep: {}", folder.string()));
  return folder;
}

}  // namespace

ExitCode run(const SweepCommand& command) {
  (void)resolve_threads(std::max(1, command.threads));
  if (command.threads < 1) {
    throw Error(ExitCode::usage, fmt::format("--threads {}: must be positive", command.threads));
  }
  (void)parse_shard(command.shard);
  (void)resolve_jobs(command);
  const sweep::Plan plan(load(command));
  const sweep::Folder folder(folder_of(command));
  check_folder(command, folder);
  if (command.dry_run) {
    folder.check_claimable(plan);
    return print_plan(command, plan);
  }
  if (command.slurm)
    return write_batch_script(command, plan, folder, job_array(command, plan, folder));
  folder.claim(plan);
  return train_all(command, plan, folder);
}

namespace {

/// Which runs there are, and how they are trained.
void add_plan_options(Command& sweep, SweepCommand& to) {
  sweep.add({.names = "--scale",
             .to = &to.scale,
             .doc = "A [scale.NAME] of FILE (default: the base settings)",
             .value = "NAME"});
  add_overrides(sweep, to.overrides);
  sweep.add({.names = "--axis",
             .to = &to.axes,
             .doc = "Other values of an axis or key, in all grids: data.N=20,40,80, or\n"
                    "\"data.K={ log = [250, 2e5], count = 30 }\" (several times if wanted)",
             .value = "KEY=VALUES"});
  sweep.add({.names = "--seeds", .to = &to.seeds, .doc = "How many (5), or which (3,7)"});
  add_items_folder(sweep, to.items_folder);
  sweep.add({.names = "--shard",
             .to = &to.shard,
             .doc = "Only part i of n, i from 0 to n-1",
             .value = "i/n"});
  sweep.add({.names = "-j,--jobs",
             .to = &to.jobs,
             .doc = "Runs at once (default: the threads that icl train would have, over "
                    "--threads)"});
  sweep.add({.names = "--threads", .to = &to.threads, .doc = "Threads of each run (default: 1)"});
  sweep.add({.names = "--kernels",
             .to = &to.kernels,
             .doc = "own or avx2: OpenBLAS kernels of all runs",
             .choices = {"own", "avx2"}});
  sweep.add({.names = "--allow-kernel-change",
             .to = [&to] { to.kernel_change = run::KernelChange::allow; },
             .doc = "Go on with runs that began under other BLAS kernels; marks their files"});
}

/// What takes the place of training: to say what it would cost, or a job array.
void add_mode_options(Command& sweep, SweepCommand& to) {
  sweep.add({.names = "--dry-run",
             .to = &to.dry_run,
             .doc = "Print the resolved sweep and the time it would take; write nothing"});
  sweep.add({.names = "--json",
             .to = &to.json,
             .doc = "The dry run as JSON, run by run",
             .needs = {"--dry-run"}});
  sweep.add(
      {.names = "--yes", .to = &to.yes, .doc = "Even if the grid has more than a million runs"});
  add_memory_limit(sweep, to.ignore_memory_limit);
  add_quiet(sweep, to.quiet);
  sweep.add({.names = "--slurm",
             .to = &to.slurm,
             .doc = "Write DIR/sweep.sbatch, a Slurm job array, in place of training",
             .excludes = {"--dry-run", "--shard"}});
  sweep.add({.names = "--submit",
             .to = &to.submit,
             .doc = "And hand it to sbatch",
             .needs = {"--slurm"}});
  sweep.add({.names = "--tasks",
             .to = &to.tasks,
             .doc = "Tasks of the job array (default: by the number of runs)",
             .needs = {"--slurm"}});
  sweep.add({.names = "--sbatch",
             .to = &to.sbatch_options,
             .doc = "An option for sbatch, as --sbatch=--time=02:00:00 (several times if wanted)",
             .value = "OPTION",
             .needs = {"--slurm"}});
  sweep.add({.names = "--prologue",
             .to = &to.prologue,
             .doc = "A file of shell lines for the batch script, before the first run: module load "
                    "and the like",
             .value = "FILE",
             .needs = {"--slurm"}});
}

}  // namespace

void commands::sweep(Command& program) {
  Command& sweep = program.add_command(
      "sweep",
      "Train every run of a grid of settings and seeds; go on where it was, if called again");
  auto& to = sweep.set_action<SweepCommand>(run);
  sweep.add_example("icl sweep sweep.toml -o results",
                    "All runs of the file that have not ended yet");
  sweep.add_example("icl sweep sweep.toml -o results --dry-run",
                    "How many they are, and how long they take");
  sweep.add({.names = "FILE",
             .to = &to.config,
             .doc = "Base settings, axes, seeds and scales (TOML; - for standard input)",
             .required = true});
  sweep.add({.names = "-o,--out",
             .to = &to.out,
             .doc = "Folder of the sweep (default: FILE's name without its ending, in this folder)",
             .value = "DIR"});
  add_plan_options(sweep, to);
  add_mode_options(sweep, to);
}

}  // namespace icl::cli
