#include <variant>

#include "icl/cli/job_array.hpp"
#include "icl/cli/sweep_forecast.hpp"
#include "icl/cli/train_sweep.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

/// What the command line says, before it is known what is to be done with the sweep.
struct SweepCommand {
  SweepRequest request;
  Pace pace;
  std::string shard = "0/1";
  run::KernelChange kernel_change = run::KernelChange::offer;
  bool ignore_memory_limit = false;
  bool dry_run = false;
  bool json = false;
  bool slurm = false;
  JobArray array;  ///< but for its pace
};

using Mode = std::variant<SweepTraining, SweepForecast, JobArray>;

Mode mode_of(const SweepCommand& command) {
  const sweep::Shard shard = parse_shard(command.shard);
  if (command.slurm) {
    JobArray array = command.array;
    array.pace = command.pace;
    return array;
  }
  if (command.dry_run) {
    return SweepForecast{shard, command.pace, command.ignore_memory_limit, command.json};
  }
  return SweepTraining{shard, command.pace, command.kernel_change, command.ignore_memory_limit};
}

ExitCode carry_out(const SweepRequest& request, const SweepTraining& training) {
  return train_sweep(request, training);
}

ExitCode carry_out(const SweepRequest& request, const SweepForecast& forecast) {
  return print_forecast(request, forecast);
}

ExitCode carry_out(const SweepRequest& request, const JobArray& array) {
  return write_job_array(request, array);
}

ExitCode run(const SweepCommand& command) {
  require_possible(command.pace);
  SweepRequest request = command.request;
  request.quiet = request.quiet || command.json;
  return std::visit([&](const auto& mode) { return carry_out(request, mode); }, mode_of(command));
}

/// Which runs there are, and how they are trained.
void add_plan_options(Command& sweep, SweepCommand& to) {
  SweepRequest& request = to.request;
  sweep.add({.names = "--scale",
             .to = &request.scale,
             .doc = "A [scale.NAME] of FILE (default: the base settings)",
             .value = "NAME"});
  add_overrides(sweep, request.overrides);
  sweep.add({.names = "--axis",
             .to = &request.axes,
             .doc = "Other values of an axis or key, in all grids: data.N=20,40,80, or\n"
                    "\"data.K={ log = [250, 2e5], count = 30 }\" (several times if wanted)",
             .value = "KEY=VALUES"});
  sweep.add({.names = "--seeds", .to = &request.seeds, .doc = "How many (5), or which (3,7)"});
  add_items_folder(sweep, request.items_folder);
  sweep.add({.names = "--shard",
             .to = &to.shard,
             .doc = "Only part i of n, i from 0 to n-1",
             .value = "i/n"});
  sweep.add({.names = "-j,--jobs",
             .to = &to.pace.jobs,
             .doc = "Runs at once (default: the threads that icl train would have, over "
                    "--threads)"});
  sweep.add(
      {.names = "--threads", .to = &to.pace.threads, .doc = "Threads of each run (default: 1)"});
  sweep.add({.names = "--kernels",
             .to = &request.kernels,
             .doc = "own or avx2: OpenBLAS kernels of all runs",
             .choices = {"own", "avx2"}});
  sweep.add({.names = "--allow-kernel-change",
             .to = [&to] { to.kernel_change = run::KernelChange::allow; },
             .doc = "Go on with runs that began under other BLAS kernels; marks their files",
             .excludes = {"--dry-run", "--slurm"}});
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
  sweep.add({.names = "--yes",
             .to = &to.request.yes,
             .doc = "Even if the grid has more than a million runs"});
  add_memory_limit(sweep, to.ignore_memory_limit);
  add_quiet(sweep, to.request.quiet);
  sweep.add({.names = "--slurm",
             .to = &to.slurm,
             .doc = "Write DIR/sweep.sbatch, a Slurm job array, in place of training",
             .excludes = {"--dry-run", "--shard", "--ignore-memory-limit"}});
  sweep.add({.names = "--submit",
             .to = &to.array.submit,
             .doc = "And hand it to sbatch",
             .needs = {"--slurm"}});
  sweep.add({.names = "--tasks",
             .to = &to.array.tasks,
             .doc = "Tasks of the job array (default: by the number of runs)",
             .needs = {"--slurm"}});
  sweep.add({.names = "--sbatch",
             .to = &to.array.sbatch_options,
             .doc = "An option for sbatch, as --sbatch=--time=02:00:00 (several times if wanted)",
             .value = "OPTION",
             .needs = {"--slurm"}});
  sweep.add({.names = "--prologue",
             .to = &to.array.prologue,
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
             .to = &to.request.config,
             .doc = "Base settings, axes, seeds and scales (TOML; - for standard input)",
             .required = true});
  sweep.add({.names = "-o,--out",
             .to = &to.request.out,
             .doc = "Folder of the sweep (default: FILE's name without its ending, in this folder)",
             .value = "DIR"});
  add_plan_options(sweep, to);
  add_mode_options(sweep, to);
}

}  // namespace icl::cli
