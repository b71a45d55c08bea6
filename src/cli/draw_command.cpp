// icl plot and icl report, which Python draws.
#include <fmt/format.h>

#include "icl/cli/python.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

/// A picture of a file.
struct PlotCommand {
  std::filesystem::path file;
  std::optional<std::filesystem::path> out;
};

/// A page of a folder of results.
struct ReportCommand {
  std::filesystem::path folder;
  std::optional<std::filesystem::path> out;
};

std::string require_python() {
  auto python = find_python();
  if (!python) throw Error(ExitCode::unavailable, what_python_needs());
  return *std::move(python);
}

/// Error(bad_input) unless it is a whole file of ours.
void require_whole(const std::filesystem::path& file) {
  const store::FileLook look = store::look_at(file);
  if (look == store::FileLook::other_hdf5) {
    throw Error(ExitCode::bad_input, fmt::format("'{}' was not written by icl", file.string()));
  }
  const store::FileKind kind = look == store::FileLook::data    ? store::FileKind::data
                               : look == store::FileLook::sweep ? store::FileKind::sweep
                                                                : store::FileKind::run;
  (void)store::unseal(store::read_file(file), file.string(), kind);
}

ExitCode run(const PlotCommand& command) {
  const Home home = find_home();
  const std::string python = require_python();
  require_whole(command.file);
  std::vector<std::string> words{"plot"};
  if (command.out) words.push_back("--out=" + command.out->string());
  words.insert(words.end(), {"--", command.file.string()});
  return run_lab(python, home, words);
}

ExitCode run(const ReportCommand& command) {
  const Home home = find_home();
  const std::string python = require_python();
  std::vector<std::string> words{"report"};
  if (command.out) words.push_back("--out=" + command.out->string());
  words.insert(words.end(), {"--", command.folder.string()});
  return run_lab(python, home, words);
}

}  // namespace

void commands::plot(Command& program) {
  Command& plot =
      program.add_command("plot", "Draw what a run, merged sweep, landscape or export holds");
  auto& to = plot.set_action<PlotCommand>(run);
  plot.add_example("icl plot run.h5", "Learning curves, in run.png");
  plot.add_example("icl plot sweep.h5 -o sweep.pdf", "Outcomes against what the runs differ in");
  plot.add({.names = "FILE",
            .to = &to.file,
            .doc = "File of icl train, merge, theory landscape or export",
            .required = true});
  plot.add({.names = "-o,--out",
            .to = &to.out,
            .doc = "Picture, by its ending .png, .pdf or .svg (default: FILE's name with .png)"});
}

void commands::report(Command& program) {
  Command& report = program.add_command("report", "One HTML page of the results in a folder");
  auto& to = report.set_action<ReportCommand>(run);
  report.add_example("icl report results", "What is in the folder, as results/index.html");
  report.add_example("icl report results -o page.html", "The same elsewhere");
  report.add(
      {.names = "DIR", .to = &to.folder, .doc = "What icl reproduce wrote", .required = true});
  report.add({.names = "-o,--out", .to = &to.out, .doc = "Page (default: DIR/index.html)"});
}

}  // namespace icl::cli
