// icl plot and icl report, which Python draws.
#include "icl/cli/commands.hpp"
#include "icl/cli/python.hpp"

namespace icl::cli {

ExitCode run(const DrawCommand& command) {
  const Home home = find_home();
  const auto python = find_python();
  if (!python) throw Error(ExitCode::unavailable, what_python_needs());
  std::vector<std::string> arguments{command.what, command.in.string()};
  if (command.out) arguments.insert(arguments.end(), {"--out", command.out->string()});
  return run_lab(*python, home, arguments);
}

}  // namespace icl::cli
