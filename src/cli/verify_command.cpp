#include <fmt/format.h>

#include <array>

#include "icl/cli/json.hpp"
#include "icl/cli/progress_line.hpp"
#include "icl/cli/signals.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/verify.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct VerifyCommand {
  std::filesystem::path run;
  std::vector<std::string> overrides;  ///< where the items lie now
  int threads = 0;
  bool quiet = false;
  bool json = false;
  bool ignore_memory_limit = false;
};

ExitCode pronounce(const VerifyCommand& command, const std::optional<std::string>& difference) {
  if (command.json) {
    Json json;
    json["file"] = command.run.string();
    json["identical"] = !difference;
    json["difference"] = difference ? Json(*difference) : Json(nullptr);
    print(json_text(json));
  } else {
    print(difference ? printable(*difference) + "\n" : "identical\n");
  }
  return difference ? ExitCode::check_failed : ExitCode::done;
}

ExitCode run(const VerifyCommand& command) {
  run::RunRecord recorded = run::read_run(command.run).record;
  const std::string file = command.run.string();
  const run::ItemPlaces places = moved_items(recorded.config, command.overrides);
  require_reproducible(recorded, file);
  if (const auto difference = run::difference_in_file(command.run, recorded)) {
    return pronounce(command, difference);
  }
  check_memory(run::footprint_of_verifying(recorded.config, resolve_threads(command.threads)),
               "verifying this run", command.ignore_memory_limit);
  const SignalGuard signals;
  const int threads = start_threads_for(command.threads);
  ProgressLine progress_line(recorded.origin ? recorded.origin->state.progress.step : 0,
                             recorded.step, threads);
  const std::array<train::Observer*, 1> observers{&progress_line};
  const run::Verdict verdict =
      run::verify(recorded, Workers(threads), std::span(observers).first(command.quiet ? 0 : 1),
                  SignalGuard::stop_requested(), places);
  if (verdict.interrupted) {
    say(fmt::format("interrupted before the end of '{}'", file));
    return ExitCode::interrupted;
  }
  return pronounce(command, verdict.difference);
}

}  // namespace

void commands::verify(Command& program) {
  Command& verify = program.add_command(
      "verify", "Train a run again: \"identical\", or the first step and element that differ");
  auto& to = verify.set_action<VerifyCommand>(run);
  verify.add_example("icl verify run.h5", "On as many threads as pay");
  verify.add_example("icl verify run.h5 --threads 1 -q", "On one thread, without a progress line");
  verify.add({.names = "RUN.h5", .to = &to.run, .doc = "Run file", .required = true});
  add_moved_items(verify, to.overrides);
  add_threads(verify, to.threads);
  add_memory_limit(verify, to.ignore_memory_limit);
  verify.add({.names = "--json", .to = &to.json, .doc = "The verdict as JSON"});
  add_quiet(verify, to.quiet);
}

}  // namespace icl::cli
