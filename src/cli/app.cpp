#include "icl/cli/app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>

#include "icl/cli/commands.hpp"
#include "icl/cli/signals.hpp"
#include "icl/config/help.hpp"
#include "icl/core/build_info.hpp"
#include "icl/core/gemm.hpp"
#include "icl/core/parallel.hpp"

namespace icl::cli {
namespace {

constexpr const char* exit_codes = R"(Exit status:
  0  done
  1  a check that you asked for failed
  64 wrong command line or configuration
  65 an input file is not ours, damaged or malformed
  70 a fault of this program
  73 the output exists already (see --force), or cannot be created
  74 reading or writing failed
  75 interrupted (SIGINT, SIGTERM); the published file is complete up to there
  80 the loss stopped being finite)";

/// All commands as the command line filled them in; `chosen` runs the one that was named.
struct Commands {
  TrainCommand train;
  InfoCommand info;
  ExportCommand export_data;
  std::string out;
};

void add_train(CLI::App& app, TrainCommand& command, std::string& out) {
  CLI::App* train = app.add_subcommand("train", "Train a model as a TOML file says, and record it");
  train->add_option("FILE", command.config, "Configuration (TOML)")->required();
  train->add_option("--set", command.overrides, "key=value, over the file's (TOML values)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  train->add_option("--out", out, "Run file (default: FILE's name with .h5, in this folder)")
      ->type_name("RUN.h5")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  train->add_option("--threads", command.threads, "Threads (default: the CPUs in the affinity)")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  train->add_flag("--force", command.force, "Replace an existing run file");
  train->add_flag("--dry-run", command.dry_run,
                  "Print the resolved configuration, parameters, time and size; write nothing");
  train->add_flag("--quiet", command.quiet, "No progress line");
  train->footer("Keys of FILE and --set:\n" + config::key_help());
}

void add_info(CLI::App& app, InfoCommand& command) {
  CLI::App* info = app.add_subcommand("info", "Say what a run file holds");
  info->add_option("RUN.h5", command.run, "Run file")->required();
  info->add_flag("--json", command.json, "As JSON");
}

void add_export(CLI::App& app, ExportCommand& command) {
  CLI::App* data = app.add_subcommand(
      "export", "Write items, batches and evaluation sequences as a run saw them");
  data->add_option("RUN.h5", command.run, "Run file")->required();
  data->add_flag("--items", command.request.items, "The training and novel items, with labels");
  data->add_option("--batch", command.request.batches,
                   "The training batch after STEP updates; may be given several times")
      ->type_name("STEP")
      ->allow_extra_args(false);
  data->add_option("--evaluation", command.request.evaluations,
                   "The ICL and IWL sequences after STEP updates; may be given several times")
      ->type_name("STEP")
      ->allow_extra_args(false);
  data->add_option("--out", command.out, "Data file")
      ->type_name("DATA.h5")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  data->add_flag("--force", command.force, "Replace an existing data file");
}

std::string version_text() {
  const BuildInfo& build = build_info();
  const BlasInfo blas = blas_info();
  return fmt::format("icl {} ({}, {}, {})\n{}; kernels: {}", build.version, build.commit,
                     build.compiler, build.build_type, blas.config, blas.kernel_set);
}

ExitCode dispatch(int argc, const char* const* argv) {
  Commands commands;
  CLI::App app("A CPU laboratory for the kinetics of in-context learning", "icl");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.footer(exit_codes);
  add_train(app, commands.train, commands.out);
  add_info(app, commands.info);
  add_export(app, commands.export_data);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::usage, fmt::format("{} (see icl --help)", error.what()));
  }
  if (app.got_subcommand("info")) return run(commands.info);
  if (app.got_subcommand("export")) return run(commands.export_data);
  if (!commands.out.empty()) commands.train.out = commands.out;
  commands.train.command_line = fmt::format("{}", fmt::join(argv, argv + argc, " "));
  return run(commands.train);
}

}  // namespace

int run(int argc, const char* const* argv) {
  const auto fail = [](ExitCode code, const char* message) {
    fmt::print(stderr, "icl: {}\n", message);
    return static_cast<int>(code);
  };
  try {
    use_ieee_arithmetic();
    ignore_file_size_signal();
    prepare_blas();
    return static_cast<int>(dispatch(argc, argv));
  } catch (const Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::internal, "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, error.what());
  }
}

}  // namespace icl::cli
