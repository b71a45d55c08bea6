#include <fmt/format.h>

#include <span>

#include "icl/cli/json.hpp"
#include "icl/cli/merge.hpp"
#include "icl/cli/output.hpp"
#include "icl/core/message.hpp"
#include "icl/store/csv.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "icl/sweep/merge.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

void list(const char* what, const std::vector<std::string>& runs) {
  constexpr std::size_t most_lines = 50;
  for (std::size_t i = 0; i < runs.size() && i < most_lines; ++i) {
    say(fmt::format("{}: {}", what, runs[i]));
  }
  if (runs.size() > most_lines) {
    say(fmt::format("{}: {} more (icl status --json lists all)", what, runs.size() - most_lines));
  }
}

/// By its ending; others than those of CSV and HDF5 are refused.
bool is_csv(const std::filesystem::path& out) {
  std::string ending = out.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (ending == ".csv") return true;
  if (ending == ".h5" || ending == ".hdf5" || ending == ".hdf" || ending.empty()) return false;
  throw Error(ExitCode::usage,
              fmt::format("--out '{}': expected a name that ends in .h5 or .csv", out.string()));
}

void say_what_is_wrong(const sweep::MergeReport& report) {
  list("missing", report.missing);
  list("unfinished", report.unfinished);
  for (const auto& [file, problem] : report.damaged) {
    say(fmt::format("damaged: {}: {}", file, problem));
  }
  for (const auto& [file, problem] : report.unread) {
    say(fmt::format("not read: {}: {}", file, problem));
  }
  if (report.kernel_sets.size() > 1) {
    std::string sets;
    for (const auto& [name, count] : report.kernel_sets) {
      sets += fmt::format("{}{} ({} runs)", sets.empty() ? "" : ", ", name, count);
    }
    say(fmt::format(
        "the runs used different BLAS kernels, so equal settings need not have equal bits: {}",
        sets));
  }
  for (const auto& [what, count] : report.older) {
    say(fmt::format(
        "of {} runs, which an older program trained, equal settings give other bits now: "
        "{} (numerics_version in /runs)",
        count, what));
  }
  for (const std::string& hash : report.mixed) {
    say(fmt::format("run {} was resumed under other BLAS kernels than it began with", hash));
  }
}

Json report_json(const sweep::MergeReport& report, const std::string& file) {
  Json json;
  json["file"] = file;
  json["merged"] = report.merged;
  json["missing"] = report.missing;
  json["unfinished"] = report.unfinished;
  for (const auto& [name, list] :
       {std::pair("damaged", &report.damaged), std::pair("not_read", &report.unread)}) {
    json[name] = Json::array();
    for (const auto& [run, problem] : *list) {
      json[name].push_back({{"file", run}, {"problem", problem}});
    }
  }
  json["kernel_sets"] = Json::object();
  for (const auto& [set, count] : report.kernel_sets) json["kernel_sets"][set] = count;
  json["resumed_under_other_kernels"] = report.mixed;
  return json;
}

}  // namespace

ExitCode run(const MergeCommand& command) {
  const sweep::Folder folder(command.folder);
  if (!command.out) (void)folder.sweep();  // before its own name is looked for in it
  const std::filesystem::path out = command.out.value_or(command.folder / "sweep.h5");
  store::check_creatable(out);
  store::OutputLock output(out);
  const bool as_csv = is_csv(out);
  check_output(out, command.force, as_csv ? OutputKind::table : OutputKind::sweep);
  const sweep::Plan plan(folder.sweep());
  const sweep::Merged merged =
      sweep::merge(folder, plan, command.series,
                   command.of_sweep_alone ? sweep::WhichRuns::of_plan : sweep::WhichRuns::all);
  const sweep::MergeReport& report = merged.report;
  if (!command.json) say_what_is_wrong(report);
  if (report.merged == 0 && !report.unread.empty()) {
    throw Error(ExitCode::io, fmt::format("'{}': no run could be read", command.folder.string()));
  }
  if (report.merged == 0) {
    throw Error(ExitCode::bad_input,
                fmt::format("'{}': no run has ended yet", command.folder.string()));
  }
  if (as_csv) {
    const std::string csv = store::to_csv(merged.runs);
    output.publish(std::as_bytes(std::span(csv)));
  } else {
    output.publish(merged.file);
  }
  if (command.json) {
    print(json_text(report_json(report, out.string())));
  } else {
    say(fmt::format("{} runs merged, {} missing, {} unfinished, {} damaged{}: {}", report.merged,
                    report.missing.size(), report.unfinished.size(), report.damaged.size(),
                    report.unread.empty() ? "" : fmt::format(", {} not read", report.unread.size()),
                    out.string()));
  }
  // What was trained and is not in the file is not passed over by a script.
  if (!report.unread.empty()) return ExitCode::io;
  if (!report.damaged.empty()) return ExitCode::bad_input;
  const bool whole = report.missing.empty() && report.unfinished.empty();
  return whole ? ExitCode::done : ExitCode::check_failed;
}

void commands::merge(Command& program) {
  Command& merge =
      program.add_command("merge", "Put the runs of a sweep that have ended in one file");
  auto& to = merge.set_action<MergeCommand>(run);
  merge.add_example("icl merge results -o sweep.h5",
                    "Settings, outcomes and learning curves of all runs");
  merge.add_example("icl merge results -o runs.csv", "One line for each run");
  merge.add({.names = "DIR", .to = &to.folder, .doc = "Folder of the sweep", .required = true});
  merge.add({.names = "-o,--out",
             .to = &to.out,
             .doc = "Merged file (default: DIR/sweep.h5); ending in .csv: its table of runs alone",
             .value = "SWEEP.h5|SWEEP.csv"});
  merge.add(
      {.names = "--json", .to = &to.json, .doc = "What was merged and what was not, as JSON"});
  merge.add({.names = "--series",
             .to = &to.series,
             .doc = "Of /metrics only these, as icl_accuracy,iwl_accuracy (default: all)",
             .value = "NAME,...",
             .list = List::commas});
  merge.add({.names = "-f,--force", .to = &to.force, .doc = "Replace an existing file"});
}

}  // namespace icl::cli
