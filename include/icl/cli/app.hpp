#pragma once

namespace icl::cli {

/// The program: reads the command line, runs the command, prints any error on standard error, and
/// returns the exit status (see ExitCode).
int run(int argc, const char* const* argv);

}  // namespace icl::cli
