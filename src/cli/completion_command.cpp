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
  std::string names;
  for (const auto& part : command.commands()) names += (names.empty() ? "" : " ") + part->name();
  return names;
}

/// How many words name it: 2 of "theory predict".
std::ptrdiff_t depth(const Command& command) {
  return std::ranges::count(command.path_after(" "), ' ');
}

/// The cases of a function of a shell that turns " theory" into the names of the commands in
/// theory; `line` is one of them, of {0}, the words before, and {1}, the names.
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

/// How a shell is told what to complete: choices have a place for their words, commands for the
/// place of the first word that names one.
struct Actions {
  std::string_view files;
  std::string_view folders;
  std::string_view choices;
  std::string_view settings;
  std::string_view commands;
  std::string_view nothing;
};

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

// ---- bash ----

constexpr Actions bash_actions{"_icl_files",    "_icl_folders",  "_icl_words '{}'",
                               "_icl_settings", "_icl_named {}", ":"};

std::string bash_command(const Command& command) {
  std::vector<std::string> options{"-h", "--help"};
  if (command.path_after("").empty()) options.insert(options.end(), {"-V", "--version"});
  std::string values;
  std::string argument = ":";
  for (const Option& option : command.options()) {
    if (!option.names.starts_with('-')) {
      argument = action(bash_actions, command, option);
      continue;
    }
    const auto names = spellings(option);
    options.insert(options.end(), names.begin(), names.end());
    if (is_switch(option.to)) continue;
    values += fmt::format("        {}) {}; return ;;\n", fmt::join(names, "|"),
                          action(bash_actions, command, option));
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
  for (const Command* command : all_commands(program)) cases += bash_command(*command);
  std::string choices;
  for (const config::Field& field : config::fields()) {
    if (const auto* choice = std::get_if<config::ChoiceAccess>(&field.access)) {
      choices +=
          fmt::format("    {}) _icl_words '{}' ;;\n", field.name, fmt::join(choice->words, " "));
    } else if (const auto* optional = std::get_if<config::OptionalChoiceAccess>(&field.access)) {
      choices +=
          fmt::format("    {}) _icl_words '{}' ;;\n", field.name, fmt::join(optional->words, " "));
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
# The commands inside of that whose words are given.
_icl_inside() {{
  case $1 in
{2}    *) inside='' ;;
  esac
}}
# Those inside of the command that the words from $1 on name.
_icl_named() {{
  local named="${{COMP_WORDS[*]:$1:COMP_CWORD-$1}}" inside=''
  _icl_inside "${{named:+ $named}}"
  _icl_words "$inside"
}}
_icl() {{
  local IFS=$' \t\n' word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} path='' inside='' options='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    _icl_inside "$path"
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
{3}  esac
}}
complete -F _icl icl
)",
                     setting_names(), choices,
                     cases_of_parts(program, "    '{}') inside='{}' ;;\n"), cases);
}

// ---- zsh ----

constexpr Actions zsh_actions{"_files", "_files -/", "({})", "_icl_settings", "_icl_commands", " "};

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

std::string zsh_command(const Command& command) {
  std::string specs = quoted("(- *)--help[Print this help message and exit]");
  for (const Option& option : command.options()) {
    if (!option.names.starts_with('-')) {
      const bool many = option.list == List::blanks;
      specs += fmt::format(" \\\n        {}",
                           quoted(fmt::format("{}:{}:{}", many ? "*" : "", zsh_text(option.names),
                                              action(zsh_actions, command, option))));
      continue;
    }
    for (const std::string& name : spellings(option)) {
      const std::string value =
          is_switch(option.to)
              ? ""
              : fmt::format(":{}:{}", zsh_text(option.value.empty() ? "value" : option.value),
                            action(zsh_actions, command, option));
      specs += fmt::format(" \\\n        {}",
                           quoted(fmt::format("*{}[{}]{}", name, zsh_text(option.doc), value)));
    }
  }
  return fmt::format("    '{}')\n      _arguments -s {}\n      ;;\n", command.path_after(" "),
                     specs);
}

std::string zsh_script(const Command& program) {
  std::string cases;
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
    cases += fmt::format(
        "    '{}')\n      local -a named=({})\n      _describe command named\n      _arguments "
        "'--help[Print this help message and exit]'\n      ;;\n",
        command->path_after(" "), names);
  }
  return fmt::format(R"(#compdef icl
# Completion of icl for zsh, made by icl completion zsh.
_icl_settings() {{ compadd -S '' -- {0} }}
# The commands inside of that whose words are given.
_icl_inside() {{
  case $1 in
{1}    *) inside=() ;;
  esac
}}
_icl_commands() {{
  local -a inside
  _icl_inside "${{(j::)${{(@)words[2,CURRENT-1]/#/ }}}}"
  compadd -- $inside
}}
_icl() {{
  local path_of='' i
  local -a inside
  for ((i = 2; i < CURRENT; ++i)); do
    _icl_inside "$path_of"
    (( ${{inside[(Ie)${{words[i]}}]}} )) || break
    path_of+=" ${{words[i]}}"
  done
  words=(icl "${{(@)words[i,-1]}}"); (( CURRENT -= i - 2 ))
  case $path_of in
{2}  esac
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _icl "$@"; else compdef _icl icl; fi
)",
                     setting_names(), cases_of_parts(program, "    '{}') inside=({}) ;;\n"), cases);
}

// ---- fish ----

constexpr Actions fish_actions{" -F",
                               " -a '(__fish_complete_directories)'",
                               " -a '{}'",
                               " -a '$__icl_settings'",
                               " -a '(__icl_named {})'",
                               ""};

/// The condition that the words before the cursor name this command.
std::string fish_condition(const Command& command) {
  const std::string path = command.path_after(" ");
  return path.empty() ? "test -z \"$(__icl_path)\""
                      : fmt::format("test \"$(__icl_path)\" = \"{}\"", path);
}

std::string fish_command(const Command& command) {
  const std::string start = fmt::format("complete -c icl -n {}", quoted(fish_condition(command)));
  std::string text = fmt::format("{} -f -l help -s h -d 'Help'\n", start);
  for (const auto& part : command.commands()) {
    text += fmt::format("{} -f -a {} -d {}\n", start, part->name(), quoted(part->doc()));
  }
  for (const Option& option : command.options()) {
    if (!option.names.starts_with('-')) {
      const std::string values = action(fish_actions, command, option);
      if (!values.empty()) text += fmt::format("{}{}\n", start, values);
      continue;
    }
    const auto names = spellings(option);
    // fish refuses -f (no files) beside -F (files).
    const bool files = what_completes(command, option) == Completes::files;
    text +=
        fmt::format("{}{} -l {}{}{}{} -d {}\n", start, files ? "" : " -f", names.back().substr(2),
                    names.size() > 1 ? fmt::format(" -s {}", names.front().substr(1)) : "",
                    is_switch(option.to) ? "" : " -r", action(fish_actions, command, option),
                    quoted(option.doc));
  }
  return text;
}

std::string fish_script(const Command& program) {
  std::string text = fmt::format(
      R"(# Completion of icl for fish, made by icl completion fish.
set -g __icl_settings {0}
# The commands inside of that whose words are given.
function __icl_inside
    switch "$argv"
{1}    end
end
# Those inside of the command that the words from $argv[1] on name.
function __icl_named
    set -l words (commandline -opc)[2..-1]
    __icl_inside (string join '' ' '$words[$argv[1]..-1])
end
function __icl_path
    set -l path ''
    for word in (commandline -opc)[2..-1]
        contains -- $word (__icl_inside $path); or break
        set path "$path $word"
    end
    echo $path
end
complete -c icl -f
)",
      setting_names(),
      cases_of_parts(program, "        case '{}'\n            string split ' ' '{}'\n"));
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
