#include <fmt/format.h>

#include <cmath>

#include "icl/bench/training.hpp"
#include "icl/cli/json.hpp"
#include "icl/cli/signals.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/run/provenance.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct BenchCommand {
  std::optional<std::filesystem::path> config;  ///< default: the paper's run
  std::vector<std::string> overrides;
  int threads = 1;
  double seconds = 5;
  bool json = false;
  bool ignore_memory_limit = false;
};

constexpr double ms = 1e3;
constexpr double us = 1e6;
constexpr double ns = 1e9;

/// Loops of a step that its threads share.
double loops_of_step(const bench::TrainingSpeed& speed) {
  return speed.steps > 0
             ? static_cast<double>(speed.shared_loops) / static_cast<double>(speed.steps)
             : 0;
}

Json describe(const bench::TrainingSpeed& speed, const config::Config& config, int threads) {
  Json json;
  json["threads"] = speed.threads;
  json["threads_at_work"] = speed.threads_at_work;
  json["steps"] = speed.steps;
  json["seconds"] = speed.seconds;
  json["ms_per_step"] = {
      {"median", ms * speed.step_seconds.median},
      {"quartiles", {ms * speed.step_seconds.low, ms * speed.step_seconds.high}}};
  json["mlp_mflop_per_step"] = 1e-6 * speed.flop;
  json["gflops"] = speed.gflops();
  json["peak_gflops"] = speed.peak;
  json["share_of_peak"] = speed.share_of_peak();
  json["hand_over_ns"] = speed.hand_over > 0 ? Json(ns * speed.hand_over) : Json();
  json["shared_loops_per_step"] = loops_of_step(speed);
  json["empty_loop_us"] = speed.empty_loop > 0 ? Json(us * speed.empty_loop) : Json();
  json["phases"] = Json::object();
  for (std::size_t p = 0; p < phase_count; ++p) {
    const auto phase = static_cast<Phase>(p);
    json["phases"][std::string(phase_names[p])] = {{"seconds", speed.phases[phase]},
                                                   {"share", speed.share(phase)}};
  }
  json["waiting_seconds"] = speed.waiting;
  json["evaluations"] = speed.evaluations;
  json["gemm"] = Json::array();
  for (const bench::GemmRate& rate : speed.rates) {
    json["gemm"].push_back({{"library", rate.library},
                            {"m", rate.m},
                            {"n", rate.n},
                            {"k", rate.k},
                            {"gflops", rate.median()},
                            {"measured", rate.gflops}});
  }
  json["config"] = to_json(config);
  json["machine"] = to_json(run::describe_process(threads, ""));
  return json;
}

void print_phase(std::string_view name, double seconds, double share, double steps) {
  print(fmt::format("  {:<24} {:8.3f} ms {:6.1f} %\n", name, ms * seconds / steps, 100 * share));
}

void print_text(const bench::TrainingSpeed& speed) {
  const bench::Spread& step = speed.step_seconds;
  const auto steps = static_cast<double>(speed.steps);
  print(fmt::format(
      "{:.3f} ms a step ({:.3f} to {:.3f}, quartiles of {} steps) on {} thread{}{}\n",
      ms * step.median, ms * step.low, ms * step.high, speed.steps, speed.threads,
      speed.threads == 1 ? "" : "s",
      speed.threads_at_work == speed.threads
          ? ""
          : fmt::format(" ({} at work: more are not faster now)", speed.threads_at_work)));
  print(fmt::format(
      "{:.1f} GFLOP/s of the MLP's {:.1f} MFLOP a step: {:.3f} of OpenBLAS's peak of {:.1f}\n",
      speed.gflops(), 1e-6 * speed.flop, speed.share_of_peak(), speed.peak));
  if (speed.hand_over > 0) {
    print(
        fmt::format("{:.0f} ns from one thread to another (about 30 where their cores share a "
                    "cache, and threads of one run are the faster for it)\n",
                    ns * speed.hand_over));
  }
  if (speed.empty_loop > 0) {
    print(fmt::format("{:.0f} loops a step that the threads share, each at least {:.1f} us\n",
                      loops_of_step(speed), us * speed.empty_loop));
  }
  print("\nWhere the time goes (mean of a step, all threads added up; share of the run):\n");
  for (std::size_t p = 0; p < phase_count; ++p) {
    const auto phase = static_cast<Phase>(p);
    print_phase(phase_names[p], speed.phases[phase], speed.share(phase), steps);
  }
  print_phase("else, and waiting", speed.waiting, speed.waiting / (speed.seconds * speed.threads),
              steps);
  print("\nProducts of matrices in float, medians, GFLOP/s:\n");
  for (const bench::GemmRate& rate : speed.rates) {
    print(fmt::format("  {:<9} {:>4} x {:>4} x {:>4} {:8.1f}\n", rate.library, rate.m, rate.n,
                      rate.k, rate.median()));
  }
}

ExitCode run(const BenchCommand& command) {
  const config::Config config = command.config ? config::load(*command.config, command.overrides)
                                               : config::with_overrides({}, command.overrides);
  if (!(command.seconds > 0) || !std::isfinite(command.seconds)) {
    throw Error(ExitCode::usage, fmt::format("--seconds {}: must be positive", command.seconds));
  }
  bench::TrainingOptions options;
  options.threads = start_threads_for(command.threads);
  options.seconds = command.seconds;
  options.folder = ".";
  if (command.config) options.places.folder = run::items_folder_of(*command.config);
  check_memory(run::footprint_of_training(config, options.threads), "this run",
               command.ignore_memory_limit);
  const SignalGuard signals;
  const bench::TrainingSpeed speed =
      bench::measure_training(config, options, SignalGuard::stop_requested());
  if (SignalGuard::stop_requested()) {
    say("interrupted before the measurement was over");
    return ExitCode::interrupted;
  }
  if (command.json) {
    print(json_text(describe(speed, config, options.threads)));
  } else {
    print_text(speed);
  }
  return ExitCode::done;
}

}  // namespace

void commands::bench(Command& program) {
  Command& bench = program.add_command(
      "bench", "Say how fast a configuration trains, and what share of OpenBLAS's peak that is");
  auto& to = bench.set_action<BenchCommand>(run);
  bench.add_example("icl bench run.toml --seconds 1", "How fast this file trains");
  bench.add_example("icl bench run.toml --seconds 1 --threads 2 --json",
                    "The same on two threads, for programs");
  bench.add({.names = "FILE",
             .to = &to.config,
             .doc = "Configuration (TOML; - for standard input; default: the paper's run)"});
  add_overrides(bench, to.overrides);
  bench.add({.names = "--threads",
             .to = &to.threads,
             .doc = "Threads at most (default: 1; 0: as icl train has them)"});
  bench.add({.names = "--seconds", .to = &to.seconds, .doc = "Time to train for (default: 5)"});
  bench.add({.names = "--json", .to = &to.json, .doc = "As JSON"});
  add_memory_limit(bench, to.ignore_memory_limit);
}

}  // namespace icl::cli
