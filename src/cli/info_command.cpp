#include <fmt/format.h>

#include <algorithm>

#include "icl/cli/json.hpp"
#include "icl/cli/summary.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/store/contents.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

enum class Form : std::uint8_t { summary, all, toml, json };

struct InfoCommand {
  std::filesystem::path path;
  Form form = Form::summary;
};

/// One indented line for each value; objects open a block of their own.
void print_text(const Json& json, int indent) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) {
      print(fmt::format("{:{}}{}\n", "", indent, printable(key)));
      print_text(value, indent + 2);
    } else if (key == "provenance") {
      for (const Json& stretch : value) {
        print(fmt::format("trained from step {}\n", stretch["from_step"].dump()));
        print_text(stretch, 2);
      }
    } else {
      print(fmt::format("{:{}}{:<{}} {}\n", "", indent, printable(key), 30 - indent,
                        value.is_string() ? printable(value.get<std::string>())
                        : value.is_null() ? "-"
                                          : value.dump()));
    }
  }
}

ExitCode show(Form form, const std::string& summary, const std::string& toml, const Json& json) {
  switch (form) {
    case Form::summary:
      print(summary);
      break;
    case Form::all:
      print_text(json, 0);
      break;
    case Form::toml:
      print(toml);
      break;
    case Form::json:
      print(json_text(json));
      break;
  }
  return ExitCode::done;
}

ExitCode show_run(const InfoCommand& command) {
  const run::RunRecord run = run::read_run(command.path).record;
  return show(command.form, summary_of(run, command.path.string()), config::to_toml(run.config),
              to_json(run));
}

ExitCode show_sweep(const InfoCommand& command) {
  const sweep::Folder folder(command.path);
  const sweep::Plan plan(folder.sweep());
  const std::string toml = config::to_toml(plan.sweep());
  const SweepCounts counts = count_runs(folder, plan);
  return show(command.form, summary_of(folder, plan, counts), toml, to_json(plan, counts));
}

/// Of a merged sweep, exported data, a landscape, a probe file, a file of items.
ExitCode show_contents(const InfoCommand& command, const std::string& kind,
                       std::optional<store::FileKind> ours) {
  const store::Contents contents = store::contents_of(command.path, ours);
  const std::string file = command.path.string();
  if (command.form == Form::toml && contents.toml.empty()) {
    throw Error(ExitCode::usage,
                fmt::format("--toml: '{}' ({}) holds no configuration", file, kind));
  }
  return show(command.form, summary_of(contents, file, kind), contents.toml,
              to_json(contents, kind));
}

ExitCode run(const InfoCommand& command) {
  std::error_code ignored;
  if (std::filesystem::is_directory(command.path, ignored)) return show_sweep(command);
  switch (store::look_at(command.path)) {
    case store::FileLook::data:
      return show_contents(command, "icl data file", store::FileKind::data);
    case store::FileLook::sweep:
      return show_contents(command, "merged sweep", store::FileKind::sweep);
    case store::FileLook::other_hdf5:
      return show_contents(command, "HDF5 file of another program", std::nullopt);
    case store::FileLook::run_or_none:
      break;
  }
  return show_run(command);
}

}  // namespace

void commands::info(Command& program) {
  Command& info = program.add_command("info", "Say in a few lines what a file or folder holds");
  auto& to = info.set_action<InfoCommand>(run);
  info.add_example("icl info run.h5", "Where a run stands, and how it went");
  info.add_example("icl info results --toml", "The sweep of a folder, as it was resolved");
  info.add({.names = "FILE|DIR",
            .to = &to.path,
            .doc = "A run, merged sweep, landscape, export, file of items, or a sweep's folder",
            .required = true});
  const auto form = [&](const char* name, Form value, const char* doc,
                        std::vector<std::string> excludes) {
    info.add({.names = name,
              .to = [&to, value] { to.form = value; },
              .doc = doc,
              .excludes = std::move(excludes)});
  };
  form("--all", Form::all, "All that is known of it", {"--toml", "--json"});
  form("--toml", Form::toml, "Its configuration, as TOML", {"--json"});
  form("--json", Form::json, "All that is known of it, as JSON", {});
}

}  // namespace icl::cli
