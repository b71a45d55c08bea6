#include "options.hpp"

namespace icl::cli {
namespace {

/// Its words become those of another command line: see resolve().
struct HelpCommand {
  std::vector<std::string> words;
};

ExitCode run(const HelpCommand& /*command*/) { return ExitCode::done; }

}  // namespace

void commands::help(Command& program) {
  Command& help = program.add_command("help", "Say what the program or a command does");
  auto& to = help.set_action<HelpCommand>(run);
  help.add_example("icl help train", "What icl train does, and its options");
  help.add_example("icl help theory predict", "The same of a command in a command");
  help.add({.names = "COMMAND",
            .to = &to.words,
            .doc = "A command (default: the program)",
            .list = List::blanks});
}

}  // namespace icl::cli
