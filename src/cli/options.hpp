#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "icl/cli/session.hpp"
#include "icl/core/error.hpp"

/// The command line as data: each command describes itself and its options once, and parsing, help,
/// completion and manual pages follow. parse.cpp alone includes CLI11, which reads them.
namespace icl::cli {

/// Where the value of an option goes; its type says what is accepted.
using Target =
    std::variant<bool*, int*, std::int64_t*, double*, std::string*, std::filesystem::path*,
                 std::optional<int>*, std::optional<std::int64_t>*, std::optional<double>*,
                 std::optional<std::string>*, std::optional<std::filesystem::path>*,
                 std::vector<std::string>*, std::vector<std::int64_t>*, std::vector<double>*,
                 std::function<void()>, std::function<void(const std::string&)>,
                 std::function<void(const std::vector<double>&)>>;

/// A bool or a function without arguments: of an option that takes no value.
[[nodiscard]] bool is_switch(const Target& target);

/// How the values of a list are given.
enum class List : std::uint8_t {
  one_each,  ///< --batch 3 --batch 7
  commas,    ///< one_each, or --series a,b
  blanks,    ///< --margins 1 2 3
};

/// One option or argument of a command. Of an option that takes one value and is given twice, the
/// last counts: scripts append to what they were given.
struct Option {
  std::string names;  ///< "-o,--out"; "FILE" for an argument
  Target to;
  std::string doc;
  std::string value = {};  ///< "RUN.h5": what stands for its value; default by type
  bool required = false;
  List list = List::one_each;
  int count = 0;                          ///< of values that it takes, if that is fixed
  std::vector<std::string> choices = {};  ///< empty: any value
  std::vector<std::string> needs = {};    ///< names of options that must be given too
  std::vector<std::string> excludes = {};
};

/// A command line that is right as it stands, for a run in run.h5, its configuration in run.toml, a
/// sweep of sweep.toml in the folder results, and its merged file sweep.h5.
struct Example {
  std::string line;
  std::string doc;
};

/// A command of the program, or the program: what it is called, takes and does.
class Command {
 public:
  /// `command_line` is what the user typed, for the record.
  Command(std::string name, std::string doc, std::string command_line)
      : name_(std::move(name)), doc_(std::move(doc)), command_line_(std::move(command_line)) {}

  Command& add_command(std::string name, std::string doc) {
    commands_.push_back(std::make_unique<Command>(std::move(name), std::move(doc), command_line_));
    Command& part = *commands_.back();
    part.path_ = path_;
    part.path_.push_back(part.name_);
    return part;
  }

  /// The settings of this command, with their defaults, which live as long as it; `action` is what
  /// it does with them.
  template <typename Settings>
  Settings& set_action(ExitCode (*action)(const Settings&)) {
    const auto settings = std::make_shared<Settings>();
    run_ = [settings, action] { return action(*settings); };
    return *settings;
  }

  void add(Option option) { options_.push_back(std::move(option)); }
  void add_example(std::string line, std::string doc) {
    examples_.push_back({std::move(line), std::move(doc)});
  }
  void set_footer(std::string footer) { footer_ = std::move(footer); }
  /// From here on it is known to have a --set for any setting of a run.
  void take_settings() { takes_settings_ = true; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& doc() const { return doc_; }
  [[nodiscard]] const std::vector<Example>& examples() const { return examples_; }
  [[nodiscard]] const std::string& footer() const { return footer_; }
  [[nodiscard]] bool takes_settings() const { return takes_settings_; }
  /// Its name after those of the commands around it, each after `separator`: " theory predict", and
  /// nothing for the program.
  [[nodiscard]] std::string path_after(std::string_view separator) const {
    std::string text;
    for (const std::string& name : path_) text.append(separator).append(name);
    return text;
  }
  [[nodiscard]] const std::string& command_line() const { return command_line_; }
  [[nodiscard]] const std::vector<Option>& options() const { return options_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Command>>& commands() const { return commands_; }

  /// Call only if there is an action.
  [[nodiscard]] ExitCode run() const { return run_(); }

 private:
  std::string name_;
  std::string doc_;
  std::string footer_;
  std::string command_line_;
  std::vector<std::string> path_;
  std::vector<Example> examples_;
  bool takes_settings_ = false;
  std::vector<Option> options_;
  std::vector<std::unique_ptr<Command>> commands_;
  std::function<ExitCode()> run_;
};

/// "--out" for "-o,--out", "FILE" for an argument.
[[nodiscard]] std::string long_name(const Option& option);

/// The command with these names, from the outside inwards. Error(usage), which says which is meant,
/// if there is none.
[[nodiscard]] const Command& command_called(const Command& program,
                                            const std::vector<std::string>& names);

/// The command that the words of the command line name. "help COMMAND", or a command without the
/// one inside that it needs, becomes the question for help. Throws Error(usage) for a command or an
/// option that does not exist, and says which is meant.
[[nodiscard]] const Command& resolve(const Command& program, std::vector<std::string>& words);

/// Fills in the settings of the command that the words of the command line name, and runs it;
/// prints help or version where these are asked for. Throws Error(usage).
[[nodiscard]] ExitCode run_command_line(const Command& program, const std::string& version,
                                        std::vector<std::string> words);

// ---- Each command ----

/// The commands, in the order of the help. From a row follows the declaration of commands::NAME,
/// which src/cli/NAME_command.cpp defines and adds to the program; without that file the program
/// does not link.
// clang-format off: a row each
#define ICL_COMMANDS(ROW) \
  ROW(help)               \
  ROW(init)               \
  ROW(train)              \
  ROW(branch)             \
  ROW(verify)             \
  ROW(keys)               \
  ROW(info)               \
  ROW(compare)            \
  ROW(export_data)        \
  ROW(probe)              \
  ROW(bench)              \
  ROW(sweep)              \
  ROW(reproduce)          \
  ROW(plot)               \
  ROW(report)             \
  ROW(status)             \
  ROW(merge)              \
  ROW(theory)             \
  ROW(completion)         \
  ROW(manual)
// clang-format on
namespace commands {
#define ICL_ROW(name) void name(Command& program);
ICL_COMMANDS(ICL_ROW)
#undef ICL_ROW
}  // namespace commands

void add_landscape(Command& theory);

// ---- Options that several commands have ----

void add_threads(Command& command, int& threads);

/// --set of a command that makes a configuration.
void add_overrides(Command& command, std::vector<std::string>& overrides);

/// --set of a command that reads a run, and may be told where its items lie now.
void add_moved_items(Command& command, std::vector<std::string>& overrides);

void add_items_folder(Command& command, std::optional<std::filesystem::path>& folder);

void add_memory_limit(Command& command, bool& ignore);

void add_quiet(Command& command, bool& quiet);

/// All of a command that trains into a run file.
void add_output_options(Command& command, OutputOptions& options);

}  // namespace icl::cli
