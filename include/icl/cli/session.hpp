#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "icl/cli/commands.hpp"
#include "icl/io/items_file.hpp"
#include "icl/io/run_record.hpp"

namespace icl::cli {

/// A run to be trained into a file: new, or gone on with.
struct Session {
  std::filesystem::path out;
  config::Config config;
  std::optional<io::Origin> origin;  ///< of a branch
  io::ItemPlaces places;             ///< of data.items
  OutputOptions options;
};

/// Takes the lock of the output, starts the run or (with options.resume) goes on where its file
/// stands, and trains it to its end or a signal. A run that is wanted with more epochs than its
/// file has goes on as if it had been planned so. With a finished file and `resume` it changes
/// nothing.
ExitCode train(const Session&);

}  // namespace icl::cli
