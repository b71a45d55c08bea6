#include "options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>
#include <type_traits>

#include "icl/core/message.hpp"

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

bool is_switch(const Target& target) {
  return std::holds_alternative<bool*>(target) ||
         std::holds_alternative<std::function<void()>>(target);
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

/// What CLI11 is to read, with the commands inside; `pairs` are theirs.
void describe(CLI::App& app, const Command& command,
              std::vector<std::pair<const CLI::App*, const Command*>>& pairs) {
  pairs.emplace_back(&app, &command);
  if (!command.footer().empty()) app.footer(command.footer());  // else the one around it
  for (const Option& option : command.options()) describe(app, option);
  for (const Option& option : command.options()) {
    for (const std::string& other : option.needs) {
      app.get_option(option.names)->needs(app.get_option(other));
    }
    for (const std::string& other : option.excludes) {
      app.get_option(option.names)->excludes(app.get_option(other));
    }
  }
  if (!command.commands().empty()) app.require_subcommand(1);
  for (const auto& part : command.commands()) {
    describe(*app.add_subcommand(part->name(), part->doc()), *part, pairs);
  }
}

}  // namespace

ExitCode run_command_line(const Command& program, const std::string& version, int argc,
                          const char* const* argv) {
  CLI::App app(program.doc(), program.name());
  app.set_version_flag("--version", version);
  std::vector<std::pair<const CLI::App*, const Command*>> pairs;
  describe(app, program, pairs);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text;
    app.exit(help_or_version, text, text);
    print(text.str());
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::usage, fmt::format("{} (see icl --help)", error.what()));
  }
  const Command* named = nullptr;  // the innermost
  for (const auto& [parsed, command] : pairs) {
    if (parsed->parsed()) named = command;
  }
  return named->run();
}

void add_threads(Command& command, int& threads) {
  command.add(
      {.names = "--threads",
       .to = &threads,
       .doc = "Threads at most (default: the least of affinity, cgroup quota, OMP_NUM_THREADS,\n"
              "OMP_THREAD_LIMIT and SLURM_CPUS_PER_TASK); fewer work where fewer are faster"});
}

void add_overrides(Command& command, std::vector<std::string>& overrides) {
  command.add({.names = "--set",
               .to = &overrides,
               .doc = "A value over the file's (TOML; several times if wanted)",
               .value = "KEY=VALUE"});
}

void add_moved_items(Command& command, std::vector<std::string>& overrides) {
  command.add(
      {.names = "--set",
       .to = &overrides,
       .doc = "data.items=FILE.h5:/DATASET: where the run's items lie now (data.novel_items too)",
       .value = "KEY=VALUE"});
}

void add_items_folder(Command& command, std::optional<std::filesystem::path>& folder) {
  command.add({.names = "--items-folder",
               .to = &folder,
               .doc = "Where a relative data.items is looked for, after the current folder "
                      "(default: FILE's folder)",
               .value = "DIR"});
}

void add_memory_limit(Command& command, bool& ignore) {
  command.add({.names = "--ignore-memory-limit",
               .to = &ignore,
               .doc = "Start even if there is less memory than is needed at most"});
}

void add_quiet(Command& command, bool& quiet) {
  command.add({.names = "--quiet", .to = &quiet, .doc = "No progress line"});
}

void add_output_options(Command& command, OutputOptions& options) {
  options.command_line = command.command_line();
  add_threads(command, options.threads);
  command.add({.names = "--force", .to = &options.force, .doc = "Replace an existing run file"});
  command.add({.names = "--resume",
               .to = &options.resume,
               .doc = "Go on where the run file stands: start if there is none, do nothing if it "
                      "is done",
               .excludes = {"--force"}});
  command.add({.names = "--allow-kernel-change",
               .to = [&options] { options.kernel_change = io::KernelChange::allow; },
               .doc = "Go on under other BLAS kernels than before; marks the file"});
  add_memory_limit(command, options.ignore_memory_limit);
  add_quiet(command, options.quiet);
  command.add({.names = "--stop-with",
               .to = &options.parent,
               .doc = "Stop, as by SIGTERM, when this process ends, which started the program",
               .value = "PID"});
}

}  // namespace icl::cli
