#include "icl/cli/python.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

#include "icl/cli/other_program.hpp"
#include "icl/core/message.hpp"

namespace icl::cli {
namespace {

namespace fs = std::filesystem;

/// The modules that icl_lab imports, tomllib being that of Python 3.11.
constexpr const char* find_modules =
    "import importlib.util, sys\n"
    "names = 'tomllib numpy scipy statsmodels h5py matplotlib'.split()\n"
    "sys.exit(any(importlib.util.find_spec(name) is None for name in names))";

fs::path own_program() {
  std::error_code error;
  fs::path path = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    throw Error(ExitCode::io,
                fmt::format("cannot tell where this program lies: {}", error.message()));
  }
  return path;
}

/// A numpy.py or json.py in the user's folder is no module of ours.
const std::pair<std::string, std::string> no_modules_of_this_folder{"PYTHONSAFEPATH", "1"};

bool has_modules(const std::string& python) {
  try {
    return run_program({python, "-c", find_modules}, std::array{no_modules_of_this_folder})
               .wait_status == 0;
  } catch (const Error& error) {
    if (error.code() == ExitCode::unavailable) return false;
    throw;
  }
}

/// What icl_lab's exit statuses, above those of an interpreter that could not do its work, stand
/// for. (icl_lab/__main__.py has them too.)
constexpr int lab_check_failed = 10;
constexpr std::array lab_errors{ExitCode::usage,    ExitCode::bad_input, ExitCode::unavailable,
                                ExitCode::internal, ExitCode::resources, ExitCode::cannot_create,
                                ExitCode::io};

/// What it printed, its warnings, and its status as ours.
ExitCode hand_on(const ProgramEnd& end, const std::string& command) {
  std::string text;
  for (const std::string& line : lines_of(end.output)) text += printable(line) + "\n";
  print(text);
  std::vector<std::string> said = lines_of(end.complaints);
  for (std::string& line : said) {
    if (line.starts_with("icl: ")) line.erase(0, 5);
  }
  const int status = WIFEXITED(end.wait_status) ? WEXITSTATUS(end.wait_status) : -1;
  if (status == 0 || status == lab_check_failed) {
    for (const std::string& line : said) say(line);
    return status == 0 ? ExitCode::done : ExitCode::check_failed;
  }
  const int signal = WIFSIGNALED(end.wait_status) ? WTERMSIG(end.wait_status) : 0;
  const std::string last = said.empty() ? "" : fmt::format(": {}", said.back());
  if (std::ranges::find(lab_errors, static_cast<ExitCode>(status)) != lab_errors.end()) {
    throw Error(static_cast<ExitCode>(status),
                said.empty() ? fmt::format("'{}' ended with {}", command, end_text(end.wait_status))
                             : said.back());
  }
  const bool stopped = signal == SIGINT || signal == SIGTERM || signal == SIGXCPU;
  throw Error(stopped ? ExitCode::interrupted : ExitCode::unavailable,
              fmt::format("'{}' ended with {}{}", command, end_text(end.wait_status), last));
}

}  // namespace

Home find_home() {
  const auto is_home = [](const Home& home) {
    std::error_code ignored;
    return fs::is_directory(home.experiments, ignored) &&
           fs::is_directory(home.python / "icl_lab", ignored);
  };
  const fs::path program = own_program();
  const fs::path installed = program.parent_path().parent_path() / "share" / "icl";
  if (Home home{installed / "experiments", installed / "python"}; is_home(home)) return home;
  for (fs::path above = program.parent_path(); above.has_relative_path();
       above = above.parent_path()) {
    Home home{above / "experiments", above / "src" / "python"};
    if (is_home(home)) return home;
  }
  throw Error(ExitCode::unavailable,
              fmt::format("the experiments lie neither in '{}' nor above '{}': this program was "
                          "moved out of its installation or its build folder",
                          installed.string(), program.string()));
}

std::optional<std::string> find_python() {
  if (const char* const chosen = std::getenv("ICL_PYTHON"); chosen != nullptr && *chosen != '\0') {
    if (has_modules(chosen)) return chosen;
    return std::nullopt;
  }
  for (const char* const python : {"python3", "/usr/bin/python3"}) {
    if (has_modules(python)) return python;
  }
  return std::nullopt;
}

std::string what_python_needs() {
  const char* const chosen = std::getenv("ICL_PYTHON");
  return fmt::format(
      "pictures and intervals need Python 3.11 or later with numpy, scipy, statsmodels, h5py and "
      "matplotlib{}; on Debian: apt-get install python3-scipy python3-statsmodels python3-h5py "
      "python3-matplotlib",
      chosen != nullptr && *chosen != '\0' ? fmt::format(", which ICL_PYTHON = '{}' lacks", chosen)
                                           : "");
}

ExitCode run_lab(const std::string& python, const Home& home,
                 const std::vector<std::string>& arguments) {
  std::vector<std::string> words{python, "-m", "icl_lab"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const char* const path = std::getenv("PYTHONPATH");
  const std::array<std::pair<std::string, std::string>, 5> variables{
      {{"PYTHONPATH", fmt::format("{}{}{}", home.python.string(), path != nullptr ? ":" : "",
                                  path != nullptr ? path : "")},
       {"ICL_PROGRAM", own_program().string()},
       {"ICL_STOP_WITH", std::to_string(getpid())},
       {"PYTHONDONTWRITEBYTECODE", "1"},  // an installation may be others'
       no_modules_of_this_folder}};
  return hand_on(run_program(words, variables),
                 fmt::format("{} -m icl_lab {}", python, arguments.front()));
}

}  // namespace icl::cli
