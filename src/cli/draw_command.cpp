// icl plot and icl report, which Python draws.
#include "icl/cli/python.hpp"
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

ExitCode draw_with_python(const std::string& what, const std::filesystem::path& in,
                          const std::optional<std::filesystem::path>& out) {
  const Home home = find_home();
  const auto python = find_python();
  if (!python) throw Error(ExitCode::unavailable, what_python_needs());
  std::vector<std::string> arguments{what, in.string()};
  if (out) arguments.insert(arguments.end(), {"--out", out->string()});
  return run_lab(*python, home, arguments);
}

ExitCode run(const PlotCommand& command) {
  return draw_with_python("plot", command.file, command.out);
}
ExitCode run(const ReportCommand& command) {
  return draw_with_python("report", command.folder, command.out);
}

}  // namespace

void add_plot(Command& program) {
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

void add_report(Command& program) {
  Command& report = program.add_command("report", "One HTML page of the results in a folder");
  auto& to = report.set_action<ReportCommand>(run);
  report.add_example("icl report results", "What is in the folder, as results/index.html");
  report.add_example("icl report results -o page.html", "The same elsewhere");
  report.add(
      {.names = "DIR", .to = &to.folder, .doc = "What icl reproduce wrote", .required = true});
  report.add({.names = "-o,--out", .to = &to.out, .doc = "Page (default: DIR/index.html)"});
}

}  // namespace icl::cli
