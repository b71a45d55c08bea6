#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.hpp"
#include "icl/config/fields.hpp"

namespace icl::cli::completion {
namespace {

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

}  // namespace

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

}  // namespace icl::cli::completion
