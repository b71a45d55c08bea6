#include <fmt/format.h>

#include "icl/cli/commands.hpp"
#include "icl/cli/session.hpp"
#include "icl/config/toml.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/replay.hpp"
#include "icl/train/schedule.hpp"

namespace icl::cli {

ExitCode run(const BranchCommand& command) {
  check_distinct(command.run, command.out);
  io::RunFile parent = io::read_run(command.run);
  const config::Config config = config::with_overrides(parent.record.config, command.overrides);
  const config::Data& before = parent.record.config.data;
  if (config.model != parent.record.config.model || config.data.D != before.D ||
      config.data.label_code != before.label_code) {
    throw Error(ExitCode::usage,
                "a branch keeps the parameters of its parent: model.*, data.D and data.label_code "
                "cannot change");
  }
  if (command.at < 0 || command.at > parent.record.step) {
    throw Error(ExitCode::usage, fmt::format("--at {}: '{}' goes from step 0 to step {}",
                                             command.at, command.run.string(), parent.record.step));
  }
  const std::int64_t last = train::last_step(config);
  if (command.at >= last) {
    throw Error(ExitCode::usage, fmt::format("--at {}: the branch would end at step {}, by "
                                             "train.epochs and train.steps_per_epoch",
                                             command.at, last));
  }
  if (parent.record.origin && command.at < parent.record.origin->state.progress.step) {
    throw Error(ExitCode::usage,
                fmt::format("--at {}: '{}' is itself a branch that began at step {}", command.at,
                            command.run.string(), parent.record.origin->state.progress.step));
  }
  if (!command.output.resume) check_output(command.out, command.output.force);
  io::require_same_bits(parent.record, command.run.string(), command.output.kernel_change);
  const Workers workers(start_threads_for(command.output.threads));
  io::Origin origin{io::run_hash(parent.record), io::state_at(parent.record, command.at, workers)};
  return train({command.out, config, std::move(origin), command.output});
}

}  // namespace icl::cli
