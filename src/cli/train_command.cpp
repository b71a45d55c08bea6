#include <fmt/format.h>

#include "icl/cli/commands.hpp"
#include "icl/cli/dry_run.hpp"
#include "icl/cli/output.hpp"
#include "icl/cli/session.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/io/file.hpp"

namespace icl::cli {

ExitCode run(const TrainCommand& command) {
  const config::Config config = config::load(command.config, command.overrides);
  io::ItemPlaces places;
  places.folder = command.items_folder ? std::filesystem::absolute(*command.items_folder)
                                       : io::items_folder_of(command.config);
  const std::filesystem::path out =
      command.out.value_or(command.config.filename().replace_extension(".h5"));
  check_distinct(command.config, out);
  if (command.dry_run) {
    // A name that was not asked for is not yet meant.
    if (command.out) {
      io::check_creatable(out);
      if (!command.output.resume) check_output(out, command.output.force, OutputKind::run);
    }
    print(dry_run(config, resolve_threads(command.output.threads), places));
    return ExitCode::done;
  }
  return train({out, config, std::nullopt, places, command.output});
}

}  // namespace icl::cli
