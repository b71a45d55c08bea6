#include "completion.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "icl/config/fields.hpp"

namespace icl::cli::completion {
namespace {

void collect(const Command& command, std::vector<const Command*>& all) {
  all.push_back(&command);
  for (const auto& part : command.commands()) collect(*part, all);
}

/// How many words name it: 2 of "theory predict".
std::ptrdiff_t depth(const Command& command) {
  return std::ranges::count(command.path_after(" "), ' ');
}

}  // namespace

Completes what_completes(const Command& command, const Option& option) {
  const std::string name = option.names.starts_with('-') ? option.value : option.names;
  if (is_switch(option.to)) return Completes::nothing;
  if (!option.choices.empty()) return Completes::choices;
  if (name == "COMMAND") return Completes::commands;
  if (option.names == "--set" && command.takes_settings()) return Completes::settings;
  if (option.names == "--where" || option.names == "--axis") return Completes::settings;
  if (name == "DIR") return Completes::folders;
  const bool path = std::holds_alternative<std::filesystem::path*>(option.to) ||
                    std::holds_alternative<std::optional<std::filesystem::path>*>(option.to);
  return path || name.find(".h5") != std::string::npos ? Completes::files : Completes::nothing;
}

std::vector<std::string> spellings(const Option& option) {
  const std::size_t comma = option.names.find(',');
  if (comma == std::string::npos) return {option.names};
  return {option.names.substr(0, comma), option.names.substr(comma + 1)};
}

std::string quoted(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::string safe;
  for (const char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + safe + "'";
}

std::vector<const Command*> all_commands(const Command& program) {
  std::vector<const Command*> all;
  collect(program, all);
  return all;
}

std::string names_of_parts(const Command& command) {
  std::string names;
  for (const auto& part : command.commands()) names += (names.empty() ? "" : " ") + part->name();
  return names;
}

std::string cases_of_parts(const Command& program,
                           fmt::format_string<std::string, std::string> line) {
  std::string cases;
  for (const Command* command : all_commands(program)) {
    if (command->commands().empty()) continue;
    cases += fmt::format(line, command->path_after(" "), names_of_parts(*command));
  }
  return cases;
}

std::string setting_names() {
  std::string names;
  for (const config::Field& field : config::fields()) {
    names += fmt::format("{}{}=", names.empty() ? "" : " ", field.name);
  }
  return names;
}

std::string action(const Actions& shell, const Command& command, const Option& option) {
  switch (what_completes(command, option)) {
    case Completes::files:
      return std::string(shell.files);
    case Completes::folders:
      return std::string(shell.folders);
    case Completes::choices:
      return fmt::format(fmt::runtime(shell.choices), fmt::join(option.choices, " "));
    case Completes::settings:
      return std::string(shell.settings);
    case Completes::commands:
      return fmt::format(fmt::runtime(shell.commands), depth(command) + 1);
    case Completes::nothing:
      break;
  }
  return std::string(shell.nothing);
}

}  // namespace icl::cli::completion
