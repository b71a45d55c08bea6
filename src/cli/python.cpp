#include "icl/cli/python.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

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

/// A process with our streams; how it ended, as waitpid says. Error(unavailable) if the program is
/// not there.
int run_process(std::vector<std::string> words, std::vector<std::string> variables) {
  const auto pointers = [](std::vector<std::string>& strings) {
    std::vector<char*> all;
    all.reserve(strings.size() + 1);
    for (std::string& string : strings) all.push_back(string.data());
    all.push_back(nullptr);
    return all;
  };
  // What prepare_streams() made this process ignore is not for others.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGTTOU}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t process = -1;
  const int error = posix_spawnp(&process, words.front().c_str(), nullptr, &attributes,
                                 pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    throw Error(error == ENOENT || error == EACCES ? ExitCode::unavailable : code_of_errno(error),
                fmt::format("cannot start '{}': {}", words.front(), std::strerror(error)));
  }
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno == EINTR) continue;
    throw Error(ExitCode::io,
                fmt::format("cannot wait for '{}': {}", words.front(), std::strerror(errno)));
  }
  return status;
}

std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

bool has_modules(const std::string& python) {
  try {
    return run_process({python, "-c", find_modules}, environment()) == 0;
  } catch (const Error& error) {
    if (error.code() == ExitCode::unavailable) return false;
    throw;
  }
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
  std::vector<std::string> variables;
  for (std::string& variable : environment()) {
    const bool ours = variable.starts_with("PYTHONPATH=") || variable.starts_with("ICL_PROGRAM=");
    if (!ours) variables.push_back(std::move(variable));
  }
  variables.push_back(fmt::format("PYTHONPATH={}{}{}", home.python.string(),
                                  path != nullptr ? ":" : "", path != nullptr ? path : ""));
  variables.push_back(fmt::format("ICL_PROGRAM={}", own_program().string()));
  variables.emplace_back("PYTHONDONTWRITEBYTECODE=1");  // an installation may be others'
  const int status = run_process(words, variables);
  if (WIFEXITED(status)) return static_cast<ExitCode>(WEXITSTATUS(status));
  throw Error(WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM ? ExitCode::interrupted
                                                                        : ExitCode::resources,
              fmt::format("'{} -m icl_lab {}' was ended by signal {}", python, arguments.front(),
                          WTERMSIG(status)));
}

}  // namespace icl::cli
