#include "icl/cli/app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <new>
#include <sstream>

#include "icl/cli/commands.hpp"
#include "icl/cli/signals.hpp"
#include "icl/core/build_info.hpp"
#include "icl/core/gemm.hpp"
#include "icl/core/memory.hpp"
#include "icl/core/message.hpp"
#include "icl/core/parallel.hpp"

namespace icl::cli {
namespace {

constexpr const char* exit_codes = R"(Exit status:
  0  done
  1  a check that you asked for, or a run of a sweep, failed; a merged file lacks runs
  64 wrong command line or configuration
  65 an input file is not ours, damaged or malformed
  69 a program is not there (sbatch, Python for pictures), or refused its work
  70 a fault of this program
  71 the machine lacks memory, threads or file descriptors
  73 the output exists already (see --force), is another run's, is in use, or cannot be created
  74 reading or writing failed
  75 interrupted (SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGPWR, SIGALRM,
     SIGVTALRM); --resume goes on
  80 the loss stopped being finite)";

/// All commands as the command line filled them in.
struct Commands {
  TrainCommand train;
  BranchCommand branch;
  VerifyCommand verify;
  KeysCommand keys;
  InfoCommand info;
  ExportCommand export_data;
  BenchCommand bench;
  SweepCommand sweep;
  ReproduceCommand reproduce;
  DrawCommand plot{"plot", {}, {}};
  DrawCommand report{"report", {}, {}};
  StatusCommand status;
  MergeCommand merge;
  TauStarCommand tau_star;
  LandscapeCommand landscape;
  PredictCommand predict;
  std::string out;
};

constexpr auto last_wins = CLI::MultiOptionPolicy::TakeLast;

void add_threads(CLI::App& command, int& threads) {
  command
      .add_option(
          "--threads", threads,
          "Threads at most (default: the least of affinity, cgroup quota, OMP_NUM_THREADS,\n"
          "OMP_THREAD_LIMIT and SLURM_CPUS_PER_TASK); fewer work where fewer are faster")
      ->multi_option_policy(last_wins);
}

void add_overrides(CLI::App& command, std::vector<std::string>& overrides) {
  command.add_option("--set", overrides, "A value over the file's (TOML; several times if wanted)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_moved_items(CLI::App& command, std::vector<std::string>& overrides) {
  command
      .add_option(
          "--set", overrides,
          "data.items=FILE.h5:/DATASET: where the run's items lie now (data.novel_items too)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_items_folder(CLI::App& command, std::optional<std::filesystem::path>& folder) {
  command
      .add_option("--items-folder", folder,
                  "Where a relative data.items is looked for, after the current folder (default: "
                  "FILE's folder)")
      ->type_name("DIR")
      ->multi_option_policy(last_wins);
}

void add_memory_limit(CLI::App& command, bool& ignore) {
  command.add_flag("--ignore-memory-limit", ignore,
                   "Start even if there is less memory than is needed at most");
}

void add_output_options(CLI::App& command, OutputOptions& options) {
  add_threads(command, options.threads);
  auto* force = command.add_flag("--force", options.force, "Replace an existing run file");
  command
      .add_flag("--resume", options.resume,
                "Go on where the run file stands: start if there is none, do nothing if it is done")
      ->excludes(force);
  command.add_flag_callback(
      "--allow-kernel-change", [&] { options.kernel_change = io::KernelChange::allow; },
      "Go on under other BLAS kernels than before; marks the file");
  add_memory_limit(command, options.ignore_memory_limit);
  command.add_flag("--quiet", options.quiet, "No progress line");
  command
      .add_option("--stop-with", options.parent,
                  "Stop, as by SIGTERM, when this process ends, which started the program")
      ->type_name("PID")
      ->multi_option_policy(last_wins);
}

void add_train(CLI::App& app, TrainCommand& command, std::string& out) {
  CLI::App* train = app.add_subcommand("train", "Train a model as a TOML file says, and record it");
  train->add_option("FILE", command.config, "Configuration (TOML)")->required();
  add_overrides(*train, command.overrides);
  add_items_folder(*train, command.items_folder);
  train->add_option("--out", out, "Run file (default: FILE's name with .h5, in this folder)")
      ->type_name("RUN.h5")
      ->multi_option_policy(last_wins);
  train->add_flag(
      "--dry-run", command.dry_run,
      "Print the resolved configuration, parameters, memory, time and size; write nothing");
  add_output_options(*train, command.output);
  train->footer("icl keys lists the keys of FILE and --set.");
}

void add_branch(CLI::App& app, BranchCommand& command) {
  CLI::App* branch = app.add_subcommand(
      "branch", "Go on from any step of a run with something changed, into a file of its own");
  branch->add_option("RUN.h5", command.run, "The parent's run file")->required();
  branch->add_option("--at", command.at, "The step to go on from")->type_name("STEP")->required();
  add_overrides(*branch, command.overrides);
  branch->add_option("--out", command.out, "The branch's run file")
      ->type_name("NEW.h5")
      ->required()
      ->multi_option_policy(last_wins);
  add_output_options(*branch, command.output);
}

void add_verify(CLI::App& app, VerifyCommand& command) {
  CLI::App* verify = app.add_subcommand(
      "verify", "Train a run again: \"identical\", or the first step and element that differ");
  verify->add_option("RUN.h5", command.run, "Run file")->required();
  add_moved_items(*verify, command.overrides);
  add_threads(*verify, command.threads);
  add_memory_limit(*verify, command.ignore_memory_limit);
  verify->add_flag("--quiet", command.quiet, "No progress line");
}

void add_keys(CLI::App& app, KeysCommand& command) {
  CLI::App* keys = app.add_subcommand("keys", "List every setting of a run: default, range, doc");
  keys->add_option("WORD", command.word, "Only those that have this word in name or doc");
}

void add_info(CLI::App& app, InfoCommand& command) {
  CLI::App* info = app.add_subcommand("info", "Say what a run file holds");
  info->add_option("RUN.h5", command.run, "Run file")->required();
  info->add_flag("--json", command.json, "As JSON");
}

void add_export(CLI::App& app, ExportCommand& command) {
  CLI::App* data = app.add_subcommand(
      "export", "Write items, batches, and sequences of evaluations and probes as a run saw them");
  data->add_option("RUN.h5", command.run, "Run file")->required();
  add_moved_items(*data, command.overrides);
  data->add_flag("--items", command.request.items, "The training and novel items, with labels");
  data->add_option("--batch", command.request.batches,
                   "The training batch after STEP updates; may be given several times")
      ->type_name("STEP")
      ->allow_extra_args(false);
  data->add_option("--evaluation", command.request.evaluations,
                   "The ICL and IWL sequences after STEP updates; may be given several times")
      ->type_name("STEP")
      ->allow_extra_args(false);
  data->add_option(
          "--probe", command.request.probes,
          "The sequences that the probes looked at after STEP updates; may be given several "
          "times")
      ->type_name("STEP")
      ->allow_extra_args(false);
  data->add_option("--out", command.out, "Data file")
      ->type_name("DATA.h5")
      ->required()
      ->multi_option_policy(last_wins);
  data->add_flag("--force", command.force, "Replace an existing data file");
  add_memory_limit(*data, command.ignore_memory_limit);
}

void add_bench(CLI::App& app, BenchCommand& command) {
  CLI::App* bench = app.add_subcommand(
      "bench", "Say how fast a configuration trains, and what share of OpenBLAS's peak that is");
  bench->add_option("FILE", command.config, "Configuration (TOML; default: the paper's run)");
  add_overrides(*bench, command.overrides);
  bench
      ->add_option("--threads", command.threads,
                   "Threads at most (default: 1; 0: as icl train has them)")
      ->multi_option_policy(last_wins);
  bench->add_option("--seconds", command.seconds, "Time to train for (default: 5)")
      ->multi_option_policy(last_wins);
  bench->add_flag("--json", command.json, "As JSON");
  add_memory_limit(*bench, command.ignore_memory_limit);
}

void add_sweep(CLI::App& app, SweepCommand& command) {
  CLI::App* sweep = app.add_subcommand(
      "sweep",
      "Train every run of a grid of settings and seeds; go on where it was, if called again");
  sweep->add_option("FILE", command.config, "Base settings, axes, seeds and scales (TOML)")
      ->required();
  sweep->add_option("--out", command.out, "Folder of the sweep")
      ->type_name("DIR")
      ->required()
      ->multi_option_policy(last_wins);
  sweep->add_option("--scale", command.scale, "A [scale.NAME] of FILE (default: the base settings)")
      ->type_name("NAME")
      ->multi_option_policy(last_wins);
  add_overrides(*sweep, command.overrides);
  sweep
      ->add_option("--axis", command.axes,
                   "Other values of an axis or key, in all grids: data.N=20,40,80, or\n"
                   "\"data.K={ log = [250, 2e5], count = 30 }\" (several times if wanted)")
      ->type_name("KEY=VALUES")
      ->allow_extra_args(false);
  sweep->add_option("--seeds", command.seeds, "How many (5), or which (3,7)")
      ->multi_option_policy(last_wins);
  add_items_folder(*sweep, command.items_folder);
  sweep->add_option("--shard", command.shard, "Only part i of n, i from 0 to n-1")
      ->type_name("i/n")
      ->multi_option_policy(last_wins);
  sweep
      ->add_option("--jobs", command.jobs,
                   "Runs at once (default: the threads that icl train would have, over --threads)")
      ->multi_option_policy(last_wins);
  sweep->add_option("--threads", command.threads, "Threads of each run (default: 1)")
      ->multi_option_policy(last_wins);
  sweep->add_option("--kernels", command.kernels, "own or avx2: OpenBLAS kernels of all runs")
      ->check(CLI::IsMember({"own", "avx2"}))
      ->multi_option_policy(last_wins);
  sweep->add_flag_callback(
      "--allow-kernel-change", [&] { command.kernel_change = io::KernelChange::allow; },
      "Go on with runs that began under other BLAS kernels; marks their files");
  auto* dry = sweep->add_flag("--dry-run", command.dry_run,
                              "Print the resolved sweep and the time it would take; write nothing");
  sweep->add_flag("--json", command.json, "The dry run as JSON, run by run")->needs(dry);
  sweep->add_flag("--yes", command.yes, "Even if the grid has more than a million runs");
  add_memory_limit(*sweep, command.ignore_memory_limit);
  sweep->add_flag("--quiet", command.quiet, "No progress line");
  auto* slurm = sweep
                    ->add_flag("--slurm", command.slurm,
                               "Write DIR/sweep.sbatch, a Slurm job array, in place of training")
                    ->excludes(dry)
                    ->excludes(sweep->get_option("--shard"));
  sweep->add_flag("--submit", command.submit, "And hand it to sbatch")->needs(slurm);
  sweep
      ->add_option("--tasks", command.tasks,
                   "Tasks of the job array (default: by the number of runs)")
      ->needs(slurm)
      ->multi_option_policy(last_wins);
  sweep
      ->add_option("--sbatch", command.sbatch_options,
                   "An option for sbatch, as --sbatch=--time=02:00:00 (several times if wanted)")
      ->type_name("OPTION")
      ->needs(slurm)
      ->allow_extra_args(false);
  sweep
      ->add_option("--prologue", command.prologue,
                   "A file of shell lines for the batch script, before the first run: module load "
                   "and the like")
      ->type_name("FILE")
      ->needs(slurm)
      ->multi_option_policy(last_wins);
}

void add_reproduce(CLI::App& app, ReproduceCommand& command) {
  CLI::App* reproduce = app.add_subcommand(
      "reproduce", "A figure of the paper by one command: train, merge, draw, judge its checks");
  reproduce->add_option("NAME", command.name, "An item of --list, or all");
  auto* list = reproduce->add_flag("--list", command.list, "The items, their checks and scales");
  const auto option = [&](const char* name, auto& value, const char* what, const char* type) {
    return reproduce->add_option(name, value, what)
        ->type_name(type)
        ->multi_option_policy(last_wins);
  };
  option("--scale", command.scale,
         "smoke (seconds), desk (default; minutes) or paper (as published)", "NAME");
  option("--out", command.out, "Results lie in DIR/NAME/SCALE (default: results)", "DIR");
  option("--experiments", command.experiments, "Folder of items (default: the program's own)",
         "DIR");
  option("--jobs", command.sweep.jobs, "Runs at once (default: as icl sweep)", "INT");
  option("--threads", command.sweep.threads, "Threads of each run (default: 1)", "INT");
  option("--seeds", command.sweep.seeds, "How many (5), or which (3,7), in place of the item's",
         "SEEDS");
  reproduce
      ->add_option("--axis", command.sweep.axes,
                   "Other values of an axis or key, as data.N=20,40,80 (several times if wanted)")
      ->type_name("KEY=VALUES")
      ->allow_extra_args(false);
  auto* dry = reproduce->add_flag("--dry-run", command.dry_run,
                                  "Say what is left to train, how long it takes and what it costs");
  auto* slurm =
      reproduce->add_flag("--slurm", command.sweep.slurm,
                          "Write a Slurm job array in place of training; the same command "
                          "without it draws afterwards");
  reproduce->add_flag("--submit", command.sweep.submit, "And hand it to sbatch")->needs(slurm);
  slurm->excludes(dry)->excludes(list);
  add_memory_limit(*reproduce, command.sweep.ignore_memory_limit);
  reproduce->add_flag("--quiet", command.sweep.quiet, "No progress line");
  reproduce->footer(
      "Called again, it goes on where it was. Ends with 0 if all checks hold or the data cannot\n"
      "tell, and with 1 if the interval of one misses its bounds.");
}

void add_draw(CLI::App& app, DrawCommand& command, const char* what, const char* in,
              const char* about_in, const char* about_out) {
  CLI::App* draw = app.add_subcommand(command.what, what);
  draw->add_option(in, command.in, about_in)->required();
  draw->add_option("--out", command.out, about_out)->multi_option_policy(last_wins);
}

void add_status(CLI::App& app, StatusCommand& command) {
  CLI::App* status = app.add_subcommand("status", "Say how the runs of a sweep stand");
  status->add_option("DIR", command.folder, "Folder of the sweep")->required();
  status->add_flag("--json", command.json, "As JSON, run by run");
}

void add_merge(CLI::App& app, MergeCommand& command) {
  CLI::App* merge =
      app.add_subcommand("merge", "Put the runs of a sweep that have ended in one file");
  merge->add_option("DIR", command.folder, "Folder of the sweep")->required();
  merge->add_option("--out", command.out, "Merged file; ending in .csv: its table of runs alone")
      ->type_name("SWEEP.h5|SWEEP.csv")
      ->required()
      ->multi_option_policy(last_wins);
  merge
      ->add_option("--series", command.series,
                   "Of /metrics only these, as icl_accuracy,iwl_accuracy (default: all)")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  merge->add_flag("--force", command.force, "Replace an existing file");
}

void add_grid(CLI::App& command, const char* name, analysis::Grid& grid, const char* what) {
  command
      .add_option_function<std::vector<double>>(
          name,
          [&grid](const std::vector<double>& v) {
            constexpr double most = 1e7;
            const bool integer = v[2] >= 1 && v[2] <= most && v[2] == std::floor(v[2]);
            grid = {v[0], v[1], integer ? static_cast<std::int64_t>(v[2]) : 0};
          },
          what)
      ->expected(3)
      ->type_name("FIRST LAST COUNT");
}

void add_theory(CLI::App& app, TauStarCommand& tau_star, LandscapeCommand& landscape,
                PredictCommand& predict) {
  CLI::App* theory =
      app.add_subcommand("theory", "What the minimal model's theory says, without training");
  theory->require_subcommand(1);
  CLI::App* tau = theory->add_subcommand(
      "tau-star", "The time, in units of I_K/n, at which the flow of (w, beta) blows up");
  tau->add_option("--beta0", tau_star.beta0, "Initial beta (default: 0)");
  tau->add_option("--w0", tau_star.w0, "Initial w (default: 0)");
  tau->add_option("--c2", tau_star.c2, "c2, held constant (default: 0.5, at initialisation)");
  tau->add_option("--beta-end", tau_star.beta_end, "Stop at this beta (default: at the blow-up)");
  tau->add_option("--N", tau_star.N, "Tokens: say the step of acquisition at K = infinity too");
  tau->add_option("--learning-rate", tau_star.learning_rate, "For that step (default: 0.01)");
  tau->add_flag("--landscape", tau_star.landscape,
                "And the step at which descent on the un-expanded landscape has 95 % accuracy");
  tau->add_flag("--attend-self", tau_star.attend_self, "There the target attends to itself too");
  tau->add_option("--A", tau_star.A, "With --nu: the threshold K* if I_K = A K^nu");
  tau->add_option("--nu", tau_star.nu, "See --A");
  tau->add_flag("--json", tau_star.json, "As JSON");
  CLI::App* land = theory->add_subcommand(
      "landscape", "The loss L(w, beta), its gradient and the accuracy on a grid, as HDF5");
  auto* run_file = land->add_option("--run", landscape.run,
                                    "Take N, self-attention and margins phi+ from this run")
                       ->type_name("RUN.h5");
  land->add_option("--N", landscape.request.N, "Tokens (default: 100)")->excludes(run_file);
  land->add_flag_callback(
          "--attend-self", [&] { landscape.request.self = theory::SelfAttention::yes; },
          "The target attends to itself too")
      ->excludes(run_file);
  land->add_option("--margins", landscape.request.margins,
                   "Samples of the memoriser's margins phi+ (default: 0, it knows nothing)")
      ->excludes(run_file);
  land->add_option("--step", landscape.step,
                   "After this many updates (default: the run's last); trains again up to it "
                   "where there is no snapshot of it")
      ->needs(run_file);
  land->add_option("--samples", landscape.samples, "Margins to take (default: 256; at most K)")
      ->needs(run_file);
  add_threads(*land, landscape.threads);
  add_grid(*land, "--w", landscape.request.w, "Grid of w (default: -0.5 6 131)");
  add_grid(*land, "--beta", landscape.request.beta, "Grid of beta (default: -2 8 201)");
  land->add_option("--out", landscape.out, "File")
      ->type_name("LANDSCAPE.h5")
      ->required()
      ->multi_option_policy(last_wins);
  land->add_flag("--force", landscape.force, "Replace an existing file");
  add_memory_limit(*land, landscape.ignore_memory_limit);
  CLI::App* run = theory->add_subcommand(
      "predict", "When the theory expected a recorded run to acquire ICL, and when it did");
  run->add_option("run", predict.run, "Run file")->required()->type_name("RUN.h5");
  run->add_flag("--json", predict.json, "As JSON");
  run->add_flag("--write", predict.write, "Write it to the file's /theory, as this program has it");
}

std::string version_text() {
  const BuildInfo& build = build_info();
  const BlasInfo blas = blas_info();
  return fmt::format("icl {} ({}, {}, {})\n{}; kernels: {}", build.version, build.commit,
                     build.compiler, build.build_type, blas.config, blas.kernel_set);
}

/// CLI11 takes 010 for 8: whole numbers that begin with a zero are refused.
void want_decimal(CLI::App& app) {
  const auto check = [](const std::string& text) {
    const bool octal = text.size() > 1 && text.front() == '0' &&
                       text.find_first_not_of("0123456789") == std::string::npos;
    return octal ? fmt::format("{}: a number does not begin with 0", text) : std::string();
  };
  for (CLI::Option* const option : app.get_options()) {
    const std::string type = option->get_type_name();
    if (type == "INT" || type == "UINT" || type == "STEP" || type == "PID")
      option->check(check, "");
  }
  for (CLI::App* const sub : app.get_subcommands({})) want_decimal(*sub);
}

ExitCode dispatch(int argc, const char* const* argv) {
  Commands commands;
  CLI::App app("A CPU laboratory for the kinetics of in-context learning", "icl");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.footer(exit_codes);
  add_train(app, commands.train, commands.out);
  add_branch(app, commands.branch);
  add_verify(app, commands.verify);
  add_keys(app, commands.keys);
  add_info(app, commands.info);
  add_export(app, commands.export_data);
  add_bench(app, commands.bench);
  add_sweep(app, commands.sweep);
  add_reproduce(app, commands.reproduce);
  add_draw(app, commands.plot, "Draw what a run, merged sweep, landscape or export holds", "FILE",
           "File of icl train, merge, theory landscape or export",
           "Picture, by its ending .png, .pdf or .svg (default: FILE's name with .png)");
  add_draw(app, commands.report, "One HTML page of the results in a folder", "DIR",
           "What icl reproduce wrote", "Page (default: DIR/index.html)");
  add_status(app, commands.status);
  add_merge(app, commands.merge);
  add_theory(app, commands.tau_star, commands.landscape, commands.predict);
  want_decimal(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    print(text.str());
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::usage, fmt::format("{} (see icl --help)", error.what()));
  }
  const std::string command_line = fmt::format("{}", fmt::join(argv, argv + argc, " "));
  if (app.got_subcommand("keys")) return run(commands.keys);
  if (app.got_subcommand("info")) return run(commands.info);
  if (app.got_subcommand("export")) return run(commands.export_data);
  if (app.got_subcommand("bench")) return run(commands.bench);
  if (app.got_subcommand("sweep")) return run(commands.sweep);
  if (app.got_subcommand("reproduce")) return run(commands.reproduce);
  if (app.got_subcommand("plot")) return run(commands.plot);
  if (app.got_subcommand("report")) return run(commands.report);
  if (app.got_subcommand("status")) return run(commands.status);
  if (app.got_subcommand("merge")) return run(commands.merge);
  if (app.got_subcommand("theory")) {
    const CLI::App* theory = app.get_subcommand("theory");
    if (theory->got_subcommand("tau-star")) return run(commands.tau_star);
    return theory->got_subcommand("predict") ? run(commands.predict) : run(commands.landscape);
  }
  if (app.got_subcommand("verify")) return run(commands.verify);
  if (app.got_subcommand("branch")) {
    commands.branch.output.command_line = command_line;
    return run(commands.branch);
  }
  if (app.get_subcommand("train")->count("--out") > 0) commands.train.out = commands.out;
  commands.train.output.command_line = command_line;
  return run(commands.train);
}

}  // namespace

int run(int argc, const char* const* argv) {
  const auto fail = [](ExitCode code, const char* message) {
    say(message);
    return static_cast<int>(code);
  };
  try {
    prctl(PR_SET_NAME, "icl");  // a child of a sweep, started as /proc/self/exe, is "exe" otherwise
    return_large_blocks();
    prepare_streams();
    end_on_signals();
    require_cpu();
    use_ieee_arithmetic();
    prepare_blas();
    return static_cast<int>(dispatch(argc, argv));
  } catch (const Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::resources,
                "out of memory (the sizes that count: data.K, data.N, data.D, model.hidden, "
                "train.batch_size, record.snapshots)");
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, error.what());
  }
}

}  // namespace icl::cli
