#include <fmt/format.h>

#include "icl/cli/output.hpp"
#include "icl/cli/session.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/config/toml.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/replay.hpp"
#include "icl/train/schedule.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct BranchCommand {
  std::filesystem::path run;
  std::int64_t at = 0;
  std::vector<std::string> overrides;
  std::filesystem::path out;
  OutputOptions output;
};

/// Where the parent's items lie: by `--set data.items` too, if what it names are the same items;
/// then the branch keeps the parent's name of them. If they are others, the branch is to have them.
run::ItemPlaces places_of_parent(const run::RunRecord& parent, config::Config& config) {
  run::ItemPlaces places;
  places.folder = run::remembered_folder(parent);
  const config::Config same = with_places_of(parent.config, config);
  if (same.data == config.data) return places;
  run::ItemPlaces moved = places;
  moved.items = config.data.items;
  moved.novel_items = config.data.novel_items;
  const auto items = run::read_items(parent.config, moved);
  if (!items || items->hash != parent.items_hash) return places;
  config = same;
  return moved;
}

ExitCode run(const BranchCommand& command) {
  check_distinct(command.run, command.out);
  run::RunFile parent = run::read_run(command.run);
  config::Config config = config::with_overrides(parent.record.config, command.overrides);
  const config::Data& before = parent.record.config.data;
  if (config.model != parent.record.config.model || config.init != parent.record.config.init ||
      config.data.D != before.D || config.data.label_code != before.label_code) {
    throw Error(ExitCode::usage,
                "a branch keeps the parameters of its parent: model.*, init.*, data.D and "
                "data.label_code cannot change");
  }
  if (config.blocks != parent.record.config.blocks || config.data.layout != before.layout ||
      config.data.task != before.task || config.data.label_count != before.label_count ||
      config.data.label_vectors != before.label_vectors) {
    throw Error(ExitCode::usage,
                "a branch keeps the parameters of its parent: blocks.*, data.layout, data.task, "
                "data.label_count and data.label_vectors cannot change");
  }
  if (command.at < 0 || command.at > parent.record.step) {
    throw Error(ExitCode::usage, fmt::format("--at {}: '{}' goes from step 0 to step {}",
                                             command.at, command.run.string(), parent.record.step));
  }
  const std::int64_t last = config::last_step(config);
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
  if (!command.output.resume) check_output(command.out, command.output.force, OutputKind::run);
  run::require_same_bits(parent.record, command.run.string(), command.output.kernel_change);
  check_memory(run::footprint_of_branching(config, resolve_threads(command.output.threads)),
               "this branch", command.output.ignore_memory_limit);
  const Workers workers(start_threads_for(command.output.threads));
  const run::ItemPlaces places = places_of_parent(parent.record, config);
  run::Origin origin{run::run_hash(parent.record),
                     run::state_at(parent.record, command.at, workers, places)};
  return train({command.out, config, std::move(origin), places, command.output});
}

}  // namespace

void commands::branch(Command& program) {
  Command& branch = program.add_command(
      "branch", "Go on from any step of a run with something changed, into a file of its own");
  auto& to = branch.set_action<BranchCommand>(run);
  branch.add_example("icl branch run.h5 --at 500 --set train.learning_rate=0.05 -o slower.h5",
                     "From step 500 on at another learning rate");
  branch.add_example("icl branch run.h5 --at 500 --set seed.data=7 -o other.h5",
                     "From step 500 on with other training sequences");
  branch.add({.names = "RUN.h5", .to = &to.run, .doc = "The parent's run file", .required = true});
  branch.add({.names = "--at",
              .to = &to.at,
              .doc = "The step to go on from",
              .value = "STEP",
              .required = true});
  add_overrides(branch, to.overrides);
  branch.add({.names = "-o,--out",
              .to = &to.out,
              .doc = "The branch's run file",
              .value = "NEW.h5",
              .required = true});
  add_output_options(branch, to.output);
}

}  // namespace icl::cli
