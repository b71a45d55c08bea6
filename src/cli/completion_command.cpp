// Completion for shells, from the description of the command line.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "icl/config/fields.hpp"
#include "icl/core/message.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct CompletionCommand {
  const Command* program = nullptr;
  std::string shell;
};

enum class Completes : std::uint8_t { nothing, files, folders, choices, settings, commands };

/// What stands at the place of a value.
Completes what_completes(const Command& command, const Option& option) {
  const bool is_switch = std::holds_alternative<bool*>(option.to) ||
                         std::holds_alternative<std::function<void()>>(option.to);
  const std::string name = option.names.starts_with('-') ? option.value : option.names;
  if (is_switch) return Completes::nothing;
  if (!option.choices.empty()) return Completes::choices;
  if (name == "COMMAND") return Completes::commands;
  if (option.names == "--set" && command.takes_settings()) return Completes::settings;
  if (option.names == "--where" || option.names == "--axis") return Completes::settings;
  if (name == "DIR") return Completes::folders;
  const bool path = std::holds_alternative<std::filesystem::path*>(option.to) ||
                    std::holds_alternative<std::optional<std::filesystem::path>*>(option.to);
  return path || name.find(".h5") != std::string::npos ? Completes::files : Completes::nothing;
}

bool takes_value(const Option& option) {
  return !std::holds_alternative<bool*>(option.to) &&
         !std::holds_alternative<std::function<void()>>(option.to);
}

/// "-o" and "--out" of "-o,--out".
std::vector<std::string> spellings(const Option& option) {
  const std::size_t comma = option.names.find(',');
  if (comma == std::string::npos) return {option.names};
  return {option.names.substr(0, comma), option.names.substr(comma + 1)};
}

/// In one line and between single quotes: no quote, no line break.
std::string quoted(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::string safe;
  for (const char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + safe + "'";
}

/// Every command that does something, with its words: "theory predict".
void collect(const Command& command, std::vector<const Command*>& all) {
  all.push_back(&command);
  for (const auto& part : command.commands()) collect(*part, all);
}

std::vector<const Command*> all_commands(const Command& program) {
  std::vector<const Command*> all;
  collect(program, all);
  return all;
}

std::string names_of_parts(const Command& command) {
  std::vector<std::string> names;
  names.reserve(command.commands().size());
  for (const auto& part : command.commands()) names.push_back(part->name());
  return fmt::format("{}", fmt::join(names, " "));
}

/// Those of commands in commands too.
std::string all_names(const Command& program) {
  std::vector<std::string> names;
  for (const Command* command : all_commands(program)) {
    if (!command->commands().empty()) names.push_back(names_of_parts(*command));
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string setting_names() {
  std::vector<std::string> names;
  names.reserve(config::fields().size());
  for (const config::Field& field : config::fields())
    names.push_back(fmt::format("{}=", field.name));
  return fmt::format("{}", fmt::join(names, " "));
}

// ---- bash ----

/// The line of a case that completes the value of an option or argument.
std::string bash_action(const Command& command, const Option& option) {
  switch (what_completes(command, option)) {
    case Completes::files:
      return "_icl_files";
    case Completes::folders:
      return "_icl_folders";
    case Completes::choices:
      return fmt::format("_icl_words '{}'", fmt::join(option.choices, " "));
    case Completes::settings:
      return "_icl_settings";
    case Completes::commands:
      return "_icl_words \"$commands\"";
    case Completes::nothing:
      break;
  }
  return ":";
}

std::string bash_command(const Command& command) {
  std::vector<std::string> options{"-h", "--help"};
  if (command.path_after("").empty()) options.insert(options.end(), {"-V", "--version"});
  std::string values;
  std::string argument = ":";
  for (const Option& option : command.options()) {
    if (!option.names.starts_with('-')) {
      argument = bash_action(command, option);
      continue;
    }
    const auto names = spellings(option);
    options.insert(options.end(), names.begin(), names.end());
    if (!takes_value(option)) continue;
    values += fmt::format("        {}) {}; return ;;\n", fmt::join(names, "|"),
                          bash_action(command, option));
  }
  if (!command.commands().empty()) {
    argument = fmt::format("_icl_words '{}'", names_of_parts(command));
  }
  return fmt::format(
      "    '{}')\n      case $before in\n{}      esac\n      options='{}'\n      {}\n      ;;\n",
      command.path_after(" "), values, fmt::join(options, " "),
      fmt::format("if [[ $word == -* ]]; then _icl_words \"$options\"; else {}; fi", argument));
}

std::string bash_script(const Command& program) {
  std::string cases;
  std::string parts;
  for (const Command* command : all_commands(program)) {
    cases += bash_command(*command);
    if (command->commands().empty()) continue;
    parts += fmt::format("      '{}') inside='{}' ;;\n", command->path_after(" "),
                         names_of_parts(*command));
  }
  std::string choices;
  for (const config::Field& field : config::fields()) {
    if (const auto* choice = std::get_if<config::ChoiceAccess>(&field.access)) {
      choices +=
          fmt::format("    {}) _icl_words '{}' ;;\n", field.name, fmt::join(choice->words, " "));
    } else if (std::holds_alternative<config::SwitchAccess>(field.access)) {
      choices += fmt::format("    {}) _icl_words 'true false' ;;\n", field.name);
    }
  }
  return fmt::format(R"(# Completion of icl for bash, made by icl completion bash.
_icl_words() {{ COMPREPLY=($(compgen -W "$1" -- "$word")); }}
_icl_files() {{ local IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); }}
_icl_folders() {{ local IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$word")); }}
_icl_settings() {{
  compopt -o nospace 2>/dev/null
  _icl_words '{0}'
}}
_icl_setting_value() {{
  case $1 in
{1}  esac
}}
_icl() {{
  local IFS=$' \t\n' word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} path='' inside='' options='' i
  local commands='{2}'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case $path in
{3}      *) break ;;
    esac
    [[ " $inside " == *" ${{COMP_WORDS[i]}} "* ]] || break
    path+=" ${{COMP_WORDS[i]}}"
  done
  # bash takes = for a word of its own.
  if [[ $word == = ]]; then word=''; before='='; set -- "${{COMP_WORDS[COMP_CWORD-1]}}"
  elif [[ $before == = ]]; then set -- "${{COMP_WORDS[COMP_CWORD-2]}}"
  else set --; fi
  if (($#)); then
    if [[ $1 != -* ]]; then _icl_setting_value "$1"; return; fi
    before=$1
  fi
  case $path in
{4}  esac
}}
complete -F _icl icl
)",
                     setting_names(), choices, all_names(program), parts, cases);
}

// ---- zsh ----

/// In a specification of _arguments, where : and [ ] have a meaning.
std::string zsh_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\n') {
      safe += ' ';
    } else if (c == ':' || c == '[' || c == ']') {
      safe += fmt::format("\\{}", c);
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string zsh_action(const Command& command, const Option& option) {
  switch (what_completes(command, option)) {
    case Completes::files:
      return "_files";
    case Completes::folders:
      return "_files -/";
    case Completes::choices:
      return fmt::format("({})", fmt::join(option.choices, " "));
    case Completes::settings:
      return "_icl_settings";
    case Completes::commands:
      return "_icl_commands";
    case Completes::nothing:
      break;
  }
  return " ";
}

std::string zsh_command(const Command& command) {
  std::string specs = quoted("(- *)--help[Print this help message and exit]");
  for (const Option& option : command.options()) {
    if (!option.names.starts_with('-')) {
      const bool many = option.list == List::blanks;
      specs += fmt::format(" \\\n        {}",
                           quoted(fmt::format("{}:{}:{}", many ? "*" : "", zsh_text(option.names),
                                              zsh_action(command, option))));
      continue;
    }
    for (const std::string& name : spellings(option)) {
      const std::string value =
          takes_value(option)
              ? fmt::format(":{}:{}", zsh_text(option.value.empty() ? "value" : option.value),
                            zsh_action(command, option))
              : "";
      specs += fmt::format(" \\\n        {}",
                           quoted(fmt::format("*{}[{}]{}", name, zsh_text(option.doc), value)));
    }
  }
  return fmt::format("    '{}')\n      _arguments -s {}\n      ;;\n", command.path_after(" "),
                     specs);
}

std::string zsh_script(const Command& program) {
  std::string cases;
  std::string parts;
  for (const Command* command : all_commands(program)) {
    if (command->commands().empty()) {
      cases += zsh_command(*command);
      continue;
    }
    std::string names;
    for (const auto& part : command->commands()) {
      names +=
          fmt::format(" {}", quoted(fmt::format("{}:{}", part->name(), zsh_text(part->doc()))));
    }
    parts += fmt::format("      '{}') inside=({}) ;;\n", command->path_after(" "),
                         names_of_parts(*command));
    cases += fmt::format(
        "    '{}')\n      local -a named=({})\n      _describe command named\n      _arguments "
        "'--help[Print this help message and exit]'\n      ;;\n",
        command->path_after(" "), names);
  }
  return fmt::format(R"(#compdef icl
# Completion of icl for zsh, made by icl completion zsh.
_icl_settings() {{ compadd -S '' -- {0} }}
_icl_commands() {{ compadd -- {1} }}
_icl() {{
  local path_of='' i
  local -a inside
  for ((i = 2; i < CURRENT; ++i)); do
    case $path_of in
{2}      *) break ;;
    esac
    (( ${{inside[(Ie)${{words[i]}}]}} )) || break
    path_of+=" ${{words[i]}}"
  done
  words=(icl "${{(@)words[i,-1]}}"); (( CURRENT -= i - 2 ))
  case $path_of in
{3}  esac
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _icl "$@"; else compdef _icl icl; fi
)",
                     setting_names(), all_names(program), parts, cases);
}

// ---- fish ----

/// The condition that the words before the cursor name this command.
std::string fish_condition(const Command& command) {
  const std::string path = command.path_after(" ");
  return path.empty() ? "test -z \"$(__icl_path)\""
                      : fmt::format("test \"$(__icl_path)\" = \"{}\"", path);
}

std::string fish_values(const Command& command, const Option& option) {
  switch (what_completes(command, option)) {
    case Completes::files:
      return " -F";
    case Completes::folders:
      return " -a '(__fish_complete_directories)'";
    case Completes::choices:
      return fmt::format(" -a '{}'", fmt::join(option.choices, " "));
    case Completes::settings:
      return " -a '$__icl_settings'";
    case Completes::commands:
      return " -a '$__icl_commands'";
    case Completes::nothing:
      break;
  }
  return "";
}

std::string fish_command(const Command& command) {
  const std::string start = fmt::format("complete -c icl -n {}", quoted(fish_condition(command)));
  std::string text = fmt::format("{} -f -l help -s h -d 'Help'\n", start);
  for (const auto& part : command.commands()) {
    text += fmt::format("{} -f -a {} -d {}\n", start, part->name(), quoted(part->doc()));
  }
  for (const Option& option : command.options()) {
    if (!option.names.starts_with('-')) {
      const std::string values = fish_values(command, option);
      if (!values.empty()) text += fmt::format("{}{}\n", start, values);
      continue;
    }
    const auto names = spellings(option);
    text +=
        fmt::format("{} -f -l {}{}{}{} -d {}\n", start, names.back().substr(2),
                    names.size() > 1 ? fmt::format(" -s {}", names.front().substr(1)) : "",
                    takes_value(option) ? " -r" : "",
                    takes_value(option) ? fish_values(command, option) : "", quoted(option.doc));
  }
  return text;
}

std::string fish_script(const Command& program) {
  std::string text = fmt::format(R"(# Completion of icl for fish, made by icl completion fish.
set -g __icl_settings {0}
set -g __icl_commands {1}
function __icl_path
    set -l path ''
    set -l inside {1}
    for word in (commandline -opc)[2..-1]
        contains -- $word $inside; or break
        set path "$path $word"
        switch $path
)",
                                 setting_names(), names_of_parts(program));
  for (const Command* command : all_commands(program)) {
    if (command == &program || command->commands().empty()) continue;
    text += fmt::format("            case '{}'\n                set inside {}\n",
                        command->path_after(" "), names_of_parts(*command));
  }
  text += R"(            case '*'
                break
        end
    end
    echo $path
end
complete -c icl -f
)";
  for (const Command* command : all_commands(program)) text += fish_command(*command);
  return text;
}

ExitCode run(const CompletionCommand& command) {
  if (command.shell == "bash") print(bash_script(*command.program));
  if (command.shell == "zsh") print(zsh_script(*command.program));
  if (command.shell == "fish") print(fish_script(*command.program));
  return ExitCode::done;
}

}  // namespace

void add_completion(Command& program) {
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
