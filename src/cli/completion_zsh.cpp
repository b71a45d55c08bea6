#include <fmt/format.h>

#include "completion.hpp"

namespace icl::cli::completion {
namespace {

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

}  // namespace

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

}  // namespace icl::cli::completion
