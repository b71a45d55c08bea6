#include <fmt/format.h>

#include "icl/cli/commands.hpp"
#include "icl/cli/output.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/file.hpp"
#include "icl/io/lock.hpp"

namespace icl::cli {

ExitCode run(const ExportCommand& command) {
  const io::ExportRequest& request = command.request;
  if (!request.items && request.batches.empty() && request.evaluations.empty() &&
      request.probes.empty()) {
    throw Error(ExitCode::usage,
                "nothing to export: give --items, --batch, --evaluation or --probe");
  }
  check_distinct(command.run, command.out);
  const io::RunRecord run = io::read_run(command.run).record;
  const io::ItemPlaces places = moved_items(run.config, command.overrides);
  check_memory(io::footprint_of_exporting(run.config, request), "this export",
               command.ignore_memory_limit);
  io::check_creatable(command.out);
  io::OutputLock output(command.out);
  check_output(command.out, command.force, OutputKind::data);
  output.publish(io::export_data(run, request, Workers(start_threads_for(0)), places));
  return ExitCode::done;
}

}  // namespace icl::cli
