#include <fmt/format.h>

#include "icl/config/help.hpp"
#include "icl/core/message.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

/// The settings of a run, or those that hold a word.
struct KeysCommand {
  std::string word;
};

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

}  // namespace

void commands::keys(Command& program) {
  Command& keys = program.add_command("keys", "List every setting of a run: default, range, doc");
  auto& to = keys.set_action<KeysCommand>(run);
  keys.add_example("icl keys train", "The settings of the section [train]");
  keys.add_example("icl keys decay", "Those with this word in name or description");
  keys.add(
      {.names = "WORD", .to = &to.word, .doc = "Only those that have this word in name or doc"});
}

}  // namespace icl::cli
