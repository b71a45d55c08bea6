// What CLI11 makes of the description of the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <type_traits>

#include "icl/core/message.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

/// One option of CLI11 for each type of target.
struct Adder {
  CLI::App& app;
  const Option& option;

  CLI::Option* operator()(bool* flag) const {
    return app.add_flag(option.names, *flag, option.doc);
  }
  CLI::Option* operator()(const std::function<void()>& set) const {
    return app.add_flag_callback(option.names, set, option.doc);
  }
  template <typename T>
  CLI::Option* operator()(const std::function<void(const T&)>& set) const {
    return app.add_option_function<T>(option.names, set, option.doc);
  }
  template <typename T>
  CLI::Option* operator()(T* value) const {
    return app.add_option(option.names, *value, option.doc);
  }
  template <typename T>
  CLI::Option* operator()(std::vector<T>* values) const {
    CLI::Option* const list = app.add_option(option.names, *values, option.doc);
    if (option.list == List::commas) list->delimiter(',');
    return list->allow_extra_args(option.list == List::blanks);
  }
};

bool is_list(const Target& target) {
  return std::visit(
      [](const auto& to) {
        using T = std::decay_t<decltype(to)>;
        return std::is_same_v<T, std::vector<std::string>*> ||
               std::is_same_v<T, std::vector<std::int64_t>*> ||
               std::is_same_v<T, std::vector<double>*>;
      },
      target);
}

/// CLI11 takes 010 for 8: whole numbers that begin with a zero are refused.
std::string octal_fault(const std::string& text) {
  const bool octal = text.size() > 1 && text.front() == '0' &&
                     text.find_first_not_of("0123456789") == std::string::npos;
  return octal ? fmt::format("{}: a number does not begin with 0", text) : std::string();
}

void describe(CLI::App& app, const Option& option) {
  CLI::Option* const made = std::visit(Adder{app, option}, option.to);
  if (!option.value.empty()) made->type_name(option.value);
  if (option.required) made->required();
  if (option.count > 0) made->expected(option.count);
  if (!option.choices.empty()) made->check(CLI::IsMember(option.choices));
  const bool one_value = !is_list(option.to) && !is_switch(option.to) && option.count == 0;
  if (one_value && option.names.starts_with('-')) {
    made->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  const std::string type = made->get_type_name();
  if (type == "INT" || type == "UINT" || type == "STEP" || type == "PID") {
    made->check(octal_fault, "");
  }
}

/// What follows the options in a command's help.
std::string footer_of(const Command& command) {
  std::string text;
  for (const Example& example : command.examples()) {
    text += fmt::format("{}  {}\n      {}\n", text.empty() ? "Examples:\n" : "", example.line,
                        example.doc);
  }
  if (!text.empty() && !command.footer().empty()) text += '\n';
  text += command.footer();
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// What CLI11 is to read, with the commands inside.
void describe(CLI::App& app, const Command& command) {
  app.footer(footer_of(command));
  for (const Option& option : command.options()) describe(app, option);
  for (const Option& option : command.options()) {
    CLI::Option* const made = app.get_option(long_name(option));
    for (const std::string& other : option.needs) made->needs(app.get_option(other));
    for (const std::string& other : option.excludes) made->excludes(app.get_option(other));
  }
  if (!command.commands().empty()) app.require_subcommand(1);
  for (const auto& part : command.commands()) {
    describe(*app.add_subcommand(part->name(), part->doc()), *part);
  }
}

}  // namespace

ExitCode run_command_line(const Command& program, const std::string& version,
                          std::vector<std::string> words) {
  const Command& named = resolve(program, words);
  CLI::App app(program.doc(), program.name());
  app.set_version_flag("-V,--version", version, "This program's version and what it is made of");
  describe(app, program);
  try {
    std::ranges::reverse(words);  // as CLI11 takes them
    app.parse(std::move(words));
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    print(text.str());
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::usage,
                fmt::format("{} (see icl help{})", error.what(), named.path_after(" ")));
  }
  return named.run();
}

}  // namespace icl::cli
