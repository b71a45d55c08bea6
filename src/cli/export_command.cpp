#include <fmt/format.h>

#include "icl/cli/output.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/file.hpp"
#include "icl/io/lock.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct ExportCommand {
  std::filesystem::path run;
  std::filesystem::path out;
  bool force = false;
  bool ignore_memory_limit = false;
  io::ExportRequest request;
  std::vector<std::string> overrides;  ///< where the items lie now
};

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

}  // namespace

void add_export(Command& program) {
  Command& data = program.add_command(
      "export", "Write items, batches, and sequences of evaluations and probes as a run saw them");
  auto& to = data.set_action<ExportCommand>(run);
  data.add({.names = "RUN.h5", .to = &to.run, .doc = "Run file", .required = true});
  add_moved_items(data, to.overrides);
  data.add({.names = "--items",
            .to = &to.request.items,
            .doc = "The training and novel items, with labels"});
  data.add({.names = "--batch",
            .to = &to.request.batches,
            .doc = "The training batch after STEP updates; may be given several times",
            .value = "STEP"});
  data.add({.names = "--evaluation",
            .to = &to.request.evaluations,
            .doc = "The ICL and IWL sequences after STEP updates; may be given several times",
            .value = "STEP"});
  data.add({.names = "--probe",
            .to = &to.request.probes,
            .doc = "The sequences that the probes looked at after STEP updates; may be given "
                   "several times",
            .value = "STEP"});
  data.add(
      {.names = "--out", .to = &to.out, .doc = "Data file", .value = "DATA.h5", .required = true});
  data.add({.names = "--force", .to = &to.force, .doc = "Replace an existing data file"});
  add_memory_limit(data, to.ignore_memory_limit);
}

}  // namespace icl::cli
