// What CLI11 makes of the description of the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <limits>
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

template <typename T, typename... Others>
constexpr bool is_one_of = (std::is_same_v<T, Others> || ...);

bool is_list(const Target& target) {
  return std::visit(
      [](const auto& to) {
        using T = std::decay_t<decltype(to)>;
        return is_one_of<T, std::vector<std::string>*, std::vector<std::int64_t>*,
                         std::vector<double>*>;
      },
      target);
}

/// What is wrong with the text of a number; nothing if it is one that T holds. CLI11 takes 010 for
/// 8: whole numbers that begin with a zero are refused.
template <typename T>
std::string number_fault(const std::string& text) {
  constexpr bool whole = std::is_integral_v<T>;
  const bool octal = whole && text.size() > 1 && text.front() == '0' &&
                     text.find_first_not_of("0123456789") == std::string::npos;
  if (octal) return fmt::format("{}: a number does not begin with 0", text);
  T value{};
  const char* const end = text.data() + text.size();
  const auto found = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, value);
  if (found.ec == std::errc{} && found.ptr == end) return {};
  if (found.ec == std::errc::result_out_of_range && found.ptr == end) {
    return fmt::format("{}: expected a number from {} to {}", text,
                       std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max());
  }
  return fmt::format("{}: expected {}", text, whole ? "a whole number" : "a number");
}

/// The check of a value by the type that it goes to; nullptr if any text will do.
using Check = std::string (*)(const std::string&);
Check check_of(const Target& target) {
  return std::visit(
      [](const auto& to) -> Check {
        using T = std::decay_t<decltype(to)>;
        if constexpr (is_one_of<T, int*, std::optional<int>*>) {
          return number_fault<int>;
        } else if constexpr (is_one_of<T, std::int64_t*, std::optional<std::int64_t>*,
                                       std::vector<std::int64_t>*>) {
          return number_fault<std::int64_t>;
        } else if constexpr (is_one_of<T, double*, std::optional<double>*, std::vector<double>*,
                                       std::function<void(const std::vector<double>&)>>) {
          return number_fault<double>;
        } else {
          return nullptr;
        }
      },
      target);
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
  if (const Check check = check_of(option.to)) made->check(check, "");
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
