#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>

#include "icl/cli/commands.hpp"
#include "icl/cli/dry_run.hpp"
#include "icl/cli/json.hpp"
#include "icl/cli/signals.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/config/sweep.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/cpus.hpp"
#include "icl/core/message.hpp"
#include "icl/core/parallel.hpp"
#include "icl/io/envelope.hpp"
#include "icl/io/file.hpp"
#include "icl/sweep/forecast.hpp"
#include "icl/sweep/runner.hpp"
#include "icl/sweep/slurm.hpp"

namespace icl::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t many_runs = 1000000;
constexpr std::uint64_t most_runs = std::uint64_t{1} << 31U;

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

config::Sweep load(const SweepCommand& command) {
  config::Sweep sweep = config::load_sweep(
      command.config,
      command.scale ? std::optional<std::string_view>(*command.scale) : std::nullopt,
      command.overrides);
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

/// Jobs at once: as asked for, or as many as fit on the CPUs of the affinity.
int resolve_jobs(const SweepCommand& command) {
  if (command.jobs < 0) {
    throw Error(ExitCode::usage, fmt::format("--jobs {}: must be positive", command.jobs));
  }
  return command.jobs > 0 ? command.jobs : std::max(1, choose_threads().threads / command.threads);
}

// ---- The plan, without training ----

/// Seconds of each run of a shard, longest first: the cheapest and the dearest are measured, those
/// in between lie on the line between them.
std::vector<double> forecast(const sweep::Plan& plan, const std::vector<std::size_t>& runs,
                             int threads) {
  if (runs.empty()) return {};
  constexpr double process_seconds = 0.03;  // to start one and to publish, measured on Zen 3
  const auto seconds_per_flop = [&](std::size_t run) {
    const config::Config config = plan.config(run);
    return (process_seconds + run_seconds(config, measure_speed(config, threads))) / plan.flop(run);
  };
  const double dear = plan.flop(runs.front());
  const double cheap = plan.flop(runs.back());
  const double at_dear = seconds_per_flop(runs.front());
  const double at_cheap = dear > cheap ? seconds_per_flop(runs.back()) : at_dear;
  std::vector<double> seconds;
  for (const std::size_t run : runs) {
    const double place = dear > cheap ? (plan.flop(run) - cheap) / (dear - cheap) : 1;
    seconds.push_back(plan.flop(run) * (at_cheap + place * (at_dear - at_cheap)));
  }
  return seconds;
}

ExitCode print_plan(const SweepCommand& command, const sweep::Plan& plan) {
  const auto runs = plan.shard(parse_shard(command.shard));
  const auto seconds = forecast(plan, runs, command.threads);
  const int jobs = resolve_jobs(command);
  double sum = 0;
  for (const double s : seconds) sum += s;
  const double end = sweep::makespan(seconds, static_cast<std::size_t>(jobs));
  if (command.json) {
    Json json;
    json["sweep"] = config::to_toml(plan.sweep());
    json["runs"] = Json::array();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      json["runs"].push_back({{"hash", plan.hash(runs[i])},
                              {"run", plan.describe(runs[i])},
                              {"flop", plan.flop(runs[i])},
                              {"seconds", seconds[i]}});
    }
    json["core_seconds"] = sum * command.threads;
    json["jobs"] = jobs;
    json["seconds"] = end;
    print(json_text(json));
    return ExitCode::done;
  }
  print(fmt::format(
      "{}\n# runs: {}\n# core time: about {} if no run stops early ({} thread{} a run)\n"
      "# time: about {} with {} at once, measured here\n",
      config::to_toml(plan.sweep()), runs.size(), duration_text(sum * command.threads),
      command.threads, command.threads == 1 ? "" : "s", duration_text(end), jobs));
  return ExitCode::done;
}

// ---- A batch script for Slurm ----

sweep::SlurmOptions slurm_options(const SweepCommand& command, const sweep::Plan& plan,
                                  const sweep::Folder& folder) {
  constexpr int default_cpus = 16;
  constexpr std::uint64_t runs_for_each_cpu = 4;
  sweep::SlurmOptions options;
  options.program = fs::read_symlink("/proc/self/exe");
  options.folder = fs::absolute(folder.path()).lexically_normal();
  // Not DIR/sweep.toml: a later call with other axes would change what the shards of this one are.
  const std::string text = config::to_toml(plan.sweep());
  options.sweep = options.folder / "slurm" /
                  (io::hash_hex(std::as_bytes(std::span(text))).substr(0, 16) + ".toml");
  options.threads = command.threads;
  options.cpus = command.jobs > 0 ? command.jobs * command.threads : default_cpus;
  options.sbatch_options = command.sbatch_options;
  const std::uint64_t packed = static_cast<std::uint64_t>(options.cpus) * runs_for_each_cpu;
  const std::uint64_t wanted = (plan.size() + packed - 1) / packed;
  options.tasks = command.tasks > 0
                      ? command.tasks
                      : static_cast<int>(std::min<std::uint64_t>(wanted, sweep::most_array_tasks));
  if (command.tasks < 0 || options.tasks > sweep::most_array_tasks) {
    throw Error(ExitCode::usage,
                fmt::format("--tasks {}: must be from 1 to {} (Slurm's MaxArraySize)",
                            command.tasks, sweep::most_array_tasks));
  }
  return options;
}

ExitCode write_batch_script(const SweepCommand& command, const sweep::Plan& plan,
                            const sweep::Folder& folder) {
  const sweep::SlurmOptions options = slurm_options(command, plan, folder);
  const std::string script = sweep::batch_script(options);
  folder.claim(plan);
  io::make_folders(folder.path() / "slurm");
  const std::string text = config::to_toml(plan.sweep());
  io::publish_file(options.sweep, std::as_bytes(std::span(text)));
  const fs::path path = folder.path() / "sweep.sbatch";
  io::publish_file(path, std::as_bytes(std::span(script)));
  if (plan.sweep().kernels == config::Kernels::own) {
    say("each node uses its own BLAS kernels; on unlike nodes a run cannot go on where it was, and "
        "bits differ: --kernels avx2");
  }
  if (!command.submit) {
    print(path.native() + "\n");
    return ExitCode::done;
  }
  restore_signals();
  execlp("sbatch", "sbatch", path.c_str(), nullptr);
  throw Error(ExitCode::io, fmt::format("cannot run sbatch: {}; the script is {}",
                                        std::strerror(errno), path.string()));
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

ExitCode train_all(const SweepCommand& command, const sweep::Plan& plan,
                   const sweep::Folder& folder) {
  const SignalGuard signals;
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT(cert-err33-c): where it is inherited as ignored
  SweepLine line(command.quiet);
  const sweep::RunnerOptions options{parse_shard(command.shard), resolve_jobs(command),
                                     command.threads, command.kernel_change};
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

}  // namespace

ExitCode run(const SweepCommand& command) {
  (void)resolve_threads(std::max(1, command.threads));
  if (command.threads < 1) {
    throw Error(ExitCode::usage, fmt::format("--threads {}: must be positive", command.threads));
  }
  (void)parse_shard(command.shard);
  (void)resolve_jobs(command);
  const sweep::Plan plan(load(command));
  if (command.dry_run) return print_plan(command, plan);
  const sweep::Folder folder(command.out);
  check_folder(command, folder);
  if (command.slurm) return write_batch_script(command, plan, folder);
  folder.claim(plan);
  return train_all(command, plan, folder);
}

}  // namespace icl::cli
