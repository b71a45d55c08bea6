#include <fmt/format.h>

#include "completion.hpp"

namespace icl::cli::completion {
namespace {

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

}  // namespace

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

}  // namespace icl::cli::completion
