#include "completion.hpp"
#include "icl/core/message.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct CompletionCommand {
  const Command* program = nullptr;
  std::string shell;
};

ExitCode run(const CompletionCommand& command) {
  if (command.shell == "bash") print(completion::bash_script(*command.program));
  if (command.shell == "zsh") print(completion::zsh_script(*command.program));
  if (command.shell == "fish") print(completion::fish_script(*command.program));
  return ExitCode::done;
}

}  // namespace

void commands::completion(Command& program) {
  Command& completion =
      program.add_command("completion", "Print a script that completes icl's commands in a shell");
  auto& to = completion.set_action<CompletionCommand>(run);
  to.program = &program;
  completion.add_example("icl completion bash > icl.bash", "To be read by . icl.bash");
  completion.add_example("icl completion fish", "To standard output");
  completion.add({.names = "SHELL",
                  .to = &to.shell,
                  .doc = "bash, zsh or fish",
                  .required = true,
                  .choices = {"bash", "zsh", "fish"}});
  completion.set_footer("cmake --install brings all three to where the shells look for them.");
}

}  // namespace icl::cli
