#include <fmt/format.h>

#include "icl/cli/commands.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/file.hpp"

namespace icl::cli {

ExitCode run(const ExportCommand& command) {
  const io::ExportRequest& request = command.request;
  if (!request.items && request.batches.empty() && request.evaluations.empty()) {
    throw Error(ExitCode::usage, "nothing to export: give --items, --batch or --evaluation");
  }
  const io::RunRecord run = io::read_run(command.run).record;
  check_output(command.out, command.force);
  io::publish_file(command.out, io::export_data(run.config, request, command.run.string(),
                                                Workers(resolve_threads(0))));
  return ExitCode::done;
}

}  // namespace icl::cli
