#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "icl/core/error.hpp"
#include "icl/run/footprint.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/replay.hpp"
#include "icl/run/run_record.hpp"

namespace icl::cli {

/// What every command that trains into a file understands.
struct OutputOptions {
  int threads = 0;      ///< 0: see choose_threads()
  bool force = false;   ///< replace an existing file
  bool resume = false;  ///< go on with an existing file, or start
  bool quiet = false;
  std::optional<int> parent;  ///< stop when this process ends, which started us
  run::KernelChange kernel_change = run::KernelChange::offer;
  bool ignore_memory_limit = false;
  std::string command_line;  ///< for the record
};

/// A run to be trained into a file: new, or gone on with.
struct Session {
  std::filesystem::path out;
  config::Config config;
  std::optional<run::Origin> origin;  ///< of a branch
  run::ItemPlaces places;             ///< of data.items
  OutputOptions options;
};

/// Takes the lock of the output, starts the run or (with options.resume) goes on where its file
/// stands, and trains it to its end or a signal. A run that is wanted with more epochs than its
/// file has goes on as if it had been planned so. With a finished file and `resume` it changes
/// nothing.
ExitCode train(const Session&);

/// The number of threads to use: `requested`, or for 0 that of choose_threads(). Throws
/// Error(ExitCode::usage) outside 1 to Workers::max_threads.
[[nodiscard]] int resolve_threads(int requested);

/// The same, with the threads started: where the machine gives none, Error(ExitCode::resources) if
/// they were asked for, else 1.
[[nodiscard]] int start_threads_for(int requested);

/// Throws Error(ExitCode::resources) if the memory does not fit in what there is, unless that is to
/// be ignored. `who` is the subject of the sentence: "this run".
void check_memory(const run::Footprint&, const std::string& who, bool ignore);

}  // namespace icl::cli
