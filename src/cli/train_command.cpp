#include <fmt/format.h>

#include "icl/cli/dry_run.hpp"
#include "icl/cli/output.hpp"
#include "icl/cli/session.hpp"
#include "icl/cli/summary.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/store/file.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct TrainCommand {
  std::filesystem::path config;
  std::vector<std::string> overrides;        ///< --set key=value
  std::optional<std::filesystem::path> out;  ///< default: CONFIG's name with .h5, in this folder
  std::optional<std::filesystem::path> items_folder;  ///< default: that of `config`
  bool dry_run = false;
  bool json = false;  ///< say how the run stands when it ends
  OutputOptions output;
};

ExitCode run(const TrainCommand& command) {
  if (command.config == "-" && !command.out && !command.dry_run) {
    throw Error(ExitCode::usage,
                "a configuration from standard input has no name to call the run file by: give it "
                "with --out");
  }
  const config::Config config = config::load(command.config, command.overrides);
  run::ItemPlaces places;
  places.folder = command.items_folder ? std::filesystem::absolute(*command.items_folder)
                                       : run::items_folder_of(command.config);
  const std::filesystem::path out =
      command.out.value_or(command.config.filename().replace_extension(".h5"));
  check_distinct(command.config, out);
  if (command.dry_run) {
    // A name that was not asked for is not yet meant.
    if (command.out) {
      store::check_creatable(out);
      if (!command.output.resume) check_output(out, command.output.force, OutputKind::run);
    }
    print(dry_run(config, resolve_threads(command.output.threads), places));
    return ExitCode::done;
  }
  const ExitCode code = train({out, config, std::nullopt, places, command.output});
  if (command.json) print(json_text(to_json(run::read_run(out).record)));
  return code;
}

}  // namespace

void commands::train(Command& program) {
  Command& train = program.add_command("train", "Train a model as a TOML file says, and record it");
  auto& to = train.set_action<TrainCommand>(run);
  train.add_example("icl train run.toml --set train.seed=3 -o seed3.h5",
                    "Another seed than the file says, into a file of its own");
  train.add_example("icl train run.toml --dry-run",
                    "What it would be, how long it takes and what it needs; nothing is written");
  train.add({.names = "FILE",
             .to = &to.config,
             .doc = "Configuration (TOML; - for standard input)",
             .required = true});
  add_overrides(train, to.overrides);
  add_items_folder(train, to.items_folder);
  // Not as a path that may be absent: CLI11 takes an empty name for none.
  train.add({.names = "-o,--out",
             .to = [&to](const std::string& name) { to.out = name; },
             .doc = "Run file (default: FILE's name with .h5, in this folder)",
             .value = "RUN.h5"});
  train.add({.names = "--dry-run",
             .to = &to.dry_run,
             .doc = "Print the resolved configuration, parameters, memory, time and size; write "
                    "nothing"});
  train.add({.names = "--json",
             .to = &to.json,
             .doc = "When it ends, print what icl info --json says of it",
             .excludes = {"--dry-run"}});
  add_output_options(train, to.output);
  train.set_footer("icl keys lists the keys of FILE and --set.");
}

}  // namespace icl::cli
