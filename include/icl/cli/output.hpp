#pragma once

#include <cstdint>
#include <filesystem>

/// What a command may write over. For all commands alike.
namespace icl::cli {

/// What a command writes.
enum class OutputKind : std::uint8_t {
  run,    ///< a run file
  data,   ///< data of a run, or a landscape
  sweep,  ///< a merged sweep
  table,  ///< the table of a merged sweep's runs, as CSV
};

/// Throws Error(ExitCode::usage) if the output is the very file that is read.
void check_distinct(const std::filesystem::path& in, const std::filesystem::path& out);

/// Throws Error(ExitCode::cannot_create) if the output exists and may not be replaced, or if its
/// folder is missing or not writable. --force replaces whole files of the kind that the command
/// writes, and empty ones; not those of others by a slip of the hand.
void check_output(const std::filesystem::path& out, bool force, OutputKind kind);

}  // namespace icl::cli
