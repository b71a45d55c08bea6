#include <fmt/format.h>

#include "icl/cli/commands.hpp"
#include "icl/config/help.hpp"
#include "icl/core/message.hpp"

namespace icl::cli {

ExitCode run(const KeysCommand& command) {
  const std::string text = config::key_help(command.word);
  if (text.empty()) {
    throw Error(ExitCode::usage, fmt::format("no key has '{}' in its name or description; icl keys "
                                             "lists all",
                                             command.word));
  }
  print(text);
  return ExitCode::done;
}

}  // namespace icl::cli
