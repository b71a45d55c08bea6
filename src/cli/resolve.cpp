// Which command is meant, and what to say of a command or option that does not exist.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "icl/config/fields.hpp"
#include "icl/config/nearest.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string_view nearest = config::nearest_word(word, known);
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

const Command& part_called(const Command& above, const std::string& word) {
  std::vector<std::string> names;
  names.reserve(above.commands().size());
  for (const auto& part : above.commands()) {
    if (part->name() == word) return *part;
    names.push_back(part->name());
  }
  throw Error(ExitCode::usage,
              fmt::format("icl{} has no command {}{} (see icl help{})", above.path_after(" "), word,
                          did_you_mean(word, names), above.path_after(" ")));
}

std::vector<std::string> long_names(const Command& command) {
  std::vector<std::string> names{"--help"};
  if (command.path_after("").empty()) names.emplace_back("--version");
  for (const Option& option : command.options()) {
    if (option.names.starts_with('-')) names.push_back(long_name(option));
  }
  return names;
}

/// The settings of a run that are called so: "seed" is train.seed.
std::vector<std::string> settings_called(std::string_view name) {
  std::vector<std::string> settings;
  for (const config::Field& field : config::fields()) {
    if (field.name == name || config::key_of(field) == name) settings.emplace_back(field.name);
  }
  return settings;
}

/// `word` is "--NAME" or "--NAME=VALUE", `next` the word that follows.
Error no_such_option(const Command& command, const std::string& word, const std::string& next) {
  const std::size_t equals = std::min(word.find('='), word.size());
  const std::string name = word.substr(0, equals);
  const std::vector<std::string> known = long_names(command);
  const auto longer = std::ranges::find_if(
      known, [&](const std::string& option) { return option.starts_with(name); });
  std::vector<std::string> bare;  // without the dashes, which are alike in all
  bare.reserve(known.size());
  for (const std::string& option : known) bare.push_back(option.substr(2));
  const std::string_view nearest = config::nearest_word(name.substr(2), bare);
  std::string advice = nearest.empty() ? "" : fmt::format("; did you mean --{}?", nearest);
  const std::vector<std::string> settings = settings_called(name.substr(2));
  if (longer != known.end()) {
    advice = fmt::format("; did you mean {}?", *longer);
  } else if (!settings.empty() && command.takes_settings()) {
    const std::string given = equals < word.size() ? word.substr(equals + 1) : next;
    const std::string value = given.empty() || given.starts_with('-') ? "VALUE" : given;
    advice = fmt::format("; a setting of the run is given as --set {}={}",
                         fmt::join(settings, fmt::format("={} or --set ", value)), value);
  }
  return {ExitCode::usage,
          fmt::format("icl{} has no option {}{} (see icl help{})", command.path_after(" "), name,
                      advice, command.path_after(" "))};
}

}  // namespace

std::string long_name(const Option& option) {
  return option.names.substr(option.names.rfind(',') + 1);
}

const Command& command_called(const Command& program, const std::vector<std::string>& names) {
  const Command* command = &program;
  for (const std::string& name : names) command = &part_called(*command, name);
  return *command;
}

const Command& resolve(const Command& program, std::vector<std::string>& words) {
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  const Command* command = &program;
  std::size_t at = 0;
  for (; !command->commands().empty(); ++at) {
    if (at == words.size()) words.emplace_back("--help");
    if (words[at].starts_with('-')) break;
    command = &part_called(*command, words[at]);
  }
  const std::vector<std::string> known = long_names(*command);
  for (; at < words.size() && words[at] != "--"; ++at) {
    if (!words[at].starts_with("--")) continue;
    if (std::ranges::find(known, words[at].substr(0, words[at].find('='))) != known.end()) continue;
    throw no_such_option(*command, words[at], at + 1 < words.size() ? words[at + 1] : "");
  }
  return *command;
}

}  // namespace icl::cli
