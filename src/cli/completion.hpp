#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

/// Completion for shells, from the description of the command line: a script each, and what they
/// ask of commands and options.
namespace icl::cli::completion {

[[nodiscard]] std::string bash_script(const Command& program);
[[nodiscard]] std::string zsh_script(const Command& program);
[[nodiscard]] std::string fish_script(const Command& program);

// ---- What scripts are written with ----

enum class Completes : std::uint8_t { nothing, files, folders, choices, settings, commands };

/// What stands at the place of a value.
[[nodiscard]] Completes what_completes(const Command& command, const Option& option);

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
[[nodiscard]] std::string action(const Actions& shell, const Command& command,
                                 const Option& option);

/// "-o" and "--out" of "-o,--out".
[[nodiscard]] std::vector<std::string> spellings(const Option& option);

/// In one line and between single quotes: no quote, no line break.
[[nodiscard]] std::string quoted(std::string text);

/// Every command, those inside of others too.
[[nodiscard]] std::vector<const Command*> all_commands(const Command& program);

[[nodiscard]] std::string names_of_parts(const Command& command);

/// The cases of a function of a shell that turns " theory" into the names of the commands in
/// theory; `line` is one of them, of {0}, the words before, and {1}, the names.
[[nodiscard]] std::string cases_of_parts(const Command& program,
                                         fmt::format_string<std::string, std::string> line);

/// "data.K= data.N= ...".
[[nodiscard]] std::string setting_names();

}  // namespace icl::cli::completion
