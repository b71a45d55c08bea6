// icl theory landscape
#include <fmt/format.h>

#include <cmath>

#include "icl/analysis/landscape_file.hpp"
#include "icl/analysis/memoriser_margins.hpp"
#include "icl/cli/output.hpp"
#include "icl/config/system.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/prediction.hpp"
#include "icl/run/replay.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct LandscapeCommand {
  analysis::LandscapeRequest request;
  /// Whose N, self-attention and margins to take, in place of those of the request.
  std::optional<std::filesystem::path> run;
  std::optional<std::int64_t> step;  ///< default: the run's last
  std::int64_t samples = 256;        ///< of its margins
  int threads = 0;
  std::filesystem::path out;
  bool force = false;
  bool ignore_memory_limit = false;
};

/// The landscape that a run's attention sees: its N, whether its target attends to itself, and its
/// memoriser's margins.
void take_from_run(run::RunRecord run, const LandscapeCommand& command, const Workers& workers,
                   analysis::LandscapeRequest& request) {
  const std::string file = command.run->string();
  const config::Capabilities& has = config::row_of(run.config.model.system).has;
  const std::string reason =
      !has.context ? "a memoriser has no attention" : run::reason_in_data(run.config);
  if (!reason.empty()) {
    throw Error(ExitCode::bad_input,
                fmt::format("the landscape is not that of '{}': {}", file, reason));
  }
  const std::int64_t step = command.step.value_or(run.step);
  if (!run::has_snapshot(run, step)) {
    run::require_same_bits(run, file, run::KernelChange::refuse);
  }
  const bool self = has.mixes_paths || run.config.model.attend_self;
  request.N = run.config.data.N;
  request.self = self ? theory::SelfAttention::yes : theory::SelfAttention::no;
  request.margins = analysis::memoriser_margins(run, step, command.samples, workers);
  request.source = {run::run_hash(run), step};
}

ExitCode run(const LandscapeCommand& command) {
  if (command.samples < 1) {
    throw Error(ExitCode::usage, fmt::format("--samples {}: must be at least 1", command.samples));
  }
  const Workers workers(start_threads_for(command.threads));
  analysis::LandscapeRequest request = command.request;
  analysis::check_grids(request, command.run ? command.samples : 1);
  std::optional<run::RunRecord> run;
  if (command.run) {
    check_distinct(*command.run, command.out);
    run = run::read_run(*command.run).record;
    check_memory(run::footprint_of_replaying(run->config, workers.threads()),
                 "training this run again", command.ignore_memory_limit);
  }
  store::check_creatable(command.out);
  store::OutputLock output(command.out);
  check_output(command.out, command.force, OutputKind::data);
  if (run) take_from_run(*std::move(run), command, workers, request);
  output.publish(analysis::landscape_file(request, workers));
  return ExitCode::done;
}

}  // namespace

namespace {

Option grid_option(const char* names, analysis::Grid& grid, const char* doc) {
  const auto set = [&grid](const std::vector<double>& v) {
    constexpr double most = 1e7;
    const bool integer = v[2] >= 1 && v[2] <= most && v[2] == std::floor(v[2]);
    grid = {v[0], v[1], integer ? static_cast<std::int64_t>(v[2]) : 0};
  };
  return {.names = names, .to = set, .doc = doc, .value = "FIRST LAST COUNT", .count = 3};
}

}  // namespace

void add_landscape(Command& theory) {
  Command& landscape = theory.add_command(
      "landscape", "The loss L(w, beta), its gradient and the accuracy on a grid, as HDF5");
  auto& to = landscape.set_action<LandscapeCommand>(run);
  landscape.add_example("icl theory landscape -o landscape.h5",
                        "Of a memoriser that knows nothing, at N = 100");
  landscape.add_example("icl theory landscape --run run.h5 -o landscape.h5",
                        "As the attention of this run sees it at its end");
  landscape.add({.names = "--run",
                 .to = &to.run,
                 .doc = "Take N, self-attention and margins phi+ from this run",
                 .value = "RUN.h5"});
  landscape.add(
      {.names = "--N", .to = &to.request.N, .doc = "Tokens (default: 100)", .excludes = {"--run"}});
  landscape.add({.names = "--attend-self",
                 .to = [&to] { to.request.self = theory::SelfAttention::yes; },
                 .doc = "The target attends to itself too",
                 .excludes = {"--run"}});
  landscape.add({.names = "--margins",
                 .to = &to.request.margins,
                 .doc = "Samples of the memoriser's margins phi+ (default: 0, it knows nothing)",
                 .list = List::blanks,
                 .excludes = {"--run"}});
  landscape.add({.names = "--step",
                 .to = &to.step,
                 .doc = "After this many updates (default: the run's last); trains again up to it "
                        "where there is no snapshot of it",
                 .needs = {"--run"}});
  landscape.add({.names = "--samples",
                 .to = &to.samples,
                 .doc = "Margins to take (default: 256; at most K)",
                 .needs = {"--run"}});
  add_threads(landscape, to.threads);
  landscape.add(grid_option("--w", to.request.w, "Grid of w (default: -0.5 6 131)"));
  landscape.add(grid_option("--beta", to.request.beta, "Grid of beta (default: -2 8 201)"));
  landscape.add({.names = "-o,--out",
                 .to = &to.out,
                 .doc = "File",
                 .value = "LANDSCAPE.h5",
                 .required = true});
  landscape.add({.names = "-f,--force", .to = &to.force, .doc = "Replace an existing file"});
  add_memory_limit(landscape, to.ignore_memory_limit);
}

}  // namespace icl::cli
