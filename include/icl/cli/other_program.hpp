#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Programs of the system that a command hands work to: Python, sbatch.
namespace icl::cli {

/// How a program ended, and what it wrote, each stream up to its last MiB.
struct ProgramEnd {
  int wait_status = 0;  ///< as of waitpid
  std::string output;
  std::string complaints;  ///< from its standard error
};

/// Runs a program of $PATH without input, and keeps what it prints: on the terminal, nothing may
/// stand that did not pass core/message, and what happens to our streams is not its concern. On a
/// signal that stops us it gets SIGTERM, a second later SIGKILL, and the Error is `interrupted`.
/// Error(unavailable) if there is no such program; Error(resources) if the machine cannot start it.
/// Its environment is ours with some variables set.
[[nodiscard]] ProgramEnd run_program(
    std::vector<std::string> words,
    std::span<const std::pair<std::string, std::string>> environment = {});

/// The lines of a text, without their ends; empty ones left out.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

/// "exit status 3", "signal 11 (Segmentation fault)".
[[nodiscard]] std::string end_text(int wait_status);

}  // namespace icl::cli
