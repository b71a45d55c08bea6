#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "icl/cli/commands.hpp"
#include "icl/cli/dry_run.hpp"
#include "icl/cli/progress_line.hpp"
#include "icl/cli/signals.hpp"
#include "icl/config/toml.hpp"
#include "icl/io/file.hpp"
#include "icl/io/recorder.hpp"
#include "icl/model/model.hpp"
#include "icl/train/trainer.hpp"

namespace icl::cli {
namespace {

/// What the command says in the end, and the status it ends in.
ExitCode report(train::Outcome outcome, const train::Progress& progress,
                const std::filesystem::path& out, bool quiet) {
  const std::string file = out.string();
  switch (outcome) {
    case train::Outcome::diverged:
      throw Error(ExitCode::diverged,
                  fmt::format("the loss is not finite at step {}; {} holds what was recorded before "
                              "(a smaller train.learning_rate may help)",
                              progress.step, file));
    case train::Outcome::interrupted:
      fmt::print(stderr, "icl: interrupted after step {}; {} is complete up to there\n",
                 progress.step, file);
      return ExitCode::interrupted;
    case train::Outcome::completed:
    case train::Outcome::early_stopped:
      break;
  }
  if (!quiet) {
    fmt::print(stderr, "icl: done after {} steps, {}: {}\n", progress.step,
               progress.t_icl_step ? fmt::format("ICL acquired at step {}", *progress.t_icl_step)
                                   : "ICL not acquired",
               file);
  }
  return ExitCode::done;
}

}  // namespace

ExitCode run(const TrainCommand& command) {
  const config::Config config = config::load(command.config, command.overrides);
  const int threads = resolve_threads(command.threads);
  if (command.dry_run) {
    fmt::print("{}", dry_run(config, threads));
    return ExitCode::done;
  }
  const std::filesystem::path out =
      command.out.value_or(command.config.filename().replace_extension(".h5"));
  check_output(out, command.force);

  const SignalGuard signals;
  train::Trainer trainer(config, Workers(threads));
  const auto parameters = trainer.parameters();
  const std::vector<const nn::Parameter*> readable(parameters.begin(), parameters.end());
  io::Recorder recorder(out, config, io::describe_process(threads, command.command_line), readable);
  ProgressLine progress_line(trainer.last_step());
  const std::array<train::Observer*, 2> observers{&recorder, &progress_line};
  const auto outcome = trainer.run(std::span(observers).first(command.quiet ? 1 : 2),
                                   signals.stop_requested());
  return report(outcome, trainer.progress(), out, command.quiet);
}

int resolve_threads(int requested) {
  const int threads = requested == 0 ? std::min(available_cpus(), Workers::max_threads) : requested;
  if (threads < 1 || threads > Workers::max_threads) {
    throw Error(ExitCode::usage,
                fmt::format("--threads {}: must be from 1 to {}", requested, Workers::max_threads));
  }
  return threads;
}

void check_output(const std::filesystem::path& out, bool force) {
  io::check_creatable(out);
  std::error_code ignored;
  if (!force && std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) {
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}' exists already; --force replaces it", out.string()));
  }
}

}  // namespace icl::cli
