#include <fmt/format.h>

#include <span>

#include "icl/config/help.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct InitCommand {
  std::string system{config::word(config::Model{}.system)};
  std::optional<std::filesystem::path> out;
};

ExitCode run(const InitCommand& command) {
  config::Config config;
  config.model.system = config::choice_of<config::System>(command.system).value();
  const std::string text = fmt::format(
      "# Every setting of a run, as Nguyen & Reddy (2024) have it: icl train FILE.\n\n{}",
      config::commented_toml(config));
  if (!command.out) {
    print(text);
    return ExitCode::done;
  }
  store::check_creatable(*command.out);
  store::OutputLock output(*command.out);
  if (std::error_code ignored; std::filesystem::exists(*command.out, ignored)) {
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}' exists already: choose another --out, or remove it",
                            command.out->string()));
  }
  output.publish(std::as_bytes(std::span(text)));
  return ExitCode::done;
}

}  // namespace

void commands::init(Command& program) {
  Command& init = program.add_command("init", "Write a configuration (TOML) to begin with");
  auto& to = init.set_action<InitCommand>(run);
  init.add_example("icl init -o new.toml",
                   "Every setting of a one-layer transformer, with comments");
  init.add_example("icl init minimal", "Those of the minimal model, to standard output");
  constexpr auto systems = config::words(config::System{});
  init.add({.names = "SYSTEM",
            .to = &to.system,
            .doc = fmt::format("What is trained (default: {})", to.system),
            .choices = {systems.begin(), systems.end()}});
  init.add({.names = "-o,--out",
            .to = &to.out,
            .doc = "File, which must not exist yet (default: standard output)",
            .value = "RUN.toml"});
}

}  // namespace icl::cli
