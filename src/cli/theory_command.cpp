#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

#include "icl/analysis/memoriser_margins.hpp"
#include "icl/cli/commands.hpp"
#include "icl/cli/json.hpp"
#include "icl/cli/output.hpp"
#include "icl/config/system.hpp"
#include "icl/core/message.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/encode.hpp"
#include "icl/io/file.hpp"
#include "icl/io/lock.hpp"
#include "icl/io/prediction.hpp"
#include "icl/io/replay.hpp"
#include "icl/theory/flow.hpp"
#include "icl/theory/landscape.hpp"

namespace icl::cli {

namespace {

void check(const TauStarCommand& command) {
  if (command.N && *command.N < 2) {
    throw Error(ExitCode::usage, fmt::format("--N {}: must be at least 2", *command.N));
  }
  if (!(command.learning_rate > 0) || !std::isfinite(command.learning_rate)) {
    throw Error(ExitCode::usage,
                fmt::format("--learning-rate {}: must be positive", command.learning_rate));
  }
  if (command.N && (command.c2 != 0.5 || std::isfinite(command.beta_end))) {
    throw Error(ExitCode::usage, "--N is for K = infinity, where c2 is 0.5, and the whole flow");
  }
  if (!command.N && (command.landscape || command.A || command.nu)) {
    throw Error(ExitCode::usage, "--landscape, --A and --nu need --N");
  }
  if (command.A.has_value() != command.nu.has_value() || (command.A && !(*command.A > 0)) ||
      (command.nu && !(*command.nu > 0))) {
    throw Error(ExitCode::usage, "--A and --nu: both, positive, for I_K = A K^nu");
  }
}

/// Steps until gradient descent on the landscape answers 95 % of the sequences rightly.
std::optional<double> landscape_steps(const TauStarCommand& command) {
  constexpr double acquired = 0.95;
  constexpr double enough = 1e3;  // times the expanded flow's
  const auto self = command.attend_self ? theory::SelfAttention::yes : theory::SelfAttention::no;
  const theory::FlowState start{command.w0, command.beta0};
  const auto n = static_cast<double>(*command.N - 1);
  const double end = enough * 2 * n * theory::blow_up_time(start, 0.5);
  const auto t = theory::Landscape(*command.N, self, std::vector<double>{0.0})
                     .time_to_accuracy(start, acquired, end);
  return t ? std::optional(*t / command.learning_rate) : std::nullopt;
}

/// The landscape that a run's attention sees: its N, whether its target attends to itself, and its
/// memoriser's margins.
void take_from_run(io::RunRecord run, const LandscapeCommand& command, const Workers& workers,
                   analysis::LandscapeRequest& request) {
  const std::string file = command.run->string();
  const config::Kind kind = config::kind_of(run.config.model.system);
  const std::string reason = !config::reads_context(kind) ? "a memoriser has no attention"
                                                          : io::reason_in_data(run.config);
  if (!reason.empty()) {
    throw Error(ExitCode::bad_input,
                fmt::format("the landscape is not that of '{}': {}", file, reason));
  }
  const std::int64_t step = command.step.value_or(run.step);
  if (!io::has_snapshot(run, step)) {
    io::require_same_bits(run, file, io::KernelChange::refuse);
  }
  const bool self = config::mixes_paths(kind) || run.config.model.attend_self;
  request.N = run.config.data.N;
  request.self = self ? theory::SelfAttention::yes : theory::SelfAttention::no;
  request.margins = analysis::memoriser_margins(run, step, command.samples, workers);
  request.source = {io::run_hash(run), step};
}

}  // namespace

ExitCode run(const TauStarCommand& command) {
  check(command);
  const double tau =
      theory::blow_up_time({command.w0, command.beta0}, command.c2, command.beta_end);
  const auto n = static_cast<double>(command.N.value_or(1) - 1);
  const auto optional = [](const std::optional<double>& x) { return x ? Json(*x) : Json(nullptr); };
  std::optional<double> steps;
  std::optional<double> landscape;
  std::optional<double> threshold;
  if (command.N) steps = theory::acquisition_steps(n, tau, command.learning_rate);
  if (command.landscape) landscape = landscape_steps(command);
  if (command.A) threshold = theory::threshold_diversity(n, tau, *command.A, *command.nu);
  if (command.json) {
    Json json;
    json["beta0"] = command.beta0;
    json["w0"] = command.w0;
    json["c2"] = command.c2;
    json["beta_end"] = to_json(config::Value(command.beta_end));
    json["tau_star"] = tau;
    json["t_icl_steps"] = optional(steps);
    json["t_icl_steps_landscape"] = optional(landscape);
    json["threshold_K"] = optional(threshold);
    print(json_text(json));
    return ExitCode::done;
  }
  print(fmt::format("tau* = {:.10g}\n", tau));
  if (steps) {
    print(fmt::format("t_ICL at K = infinity, N = {}, learning rate {}: {:.1f} steps\n", *command.N,
                      command.learning_rate, *steps));
  }
  if (landscape)
    print(fmt::format("on the landscape, to 95 % accuracy: {:.1f} steps\n", *landscape));
  if (threshold) print(fmt::format("K* = {:.1f}\n", *threshold));
  return ExitCode::done;
}

ExitCode run(const PredictCommand& command) {
  const std::string file = command.run.string();
  std::optional<io::OutputLock> output;
  if (command.write) output.emplace(command.run);
  const io::RunRecord run = io::read_run(command.run).record;
  const auto prediction = io::predict(run);
  if (!prediction || !prediction->theory) {
    throw Error(ExitCode::bad_input,
                fmt::format("the theory says nothing of '{}': {}", file,
                            prediction ? prediction->reason : "a memoriser has no attention"));
  }
  if (output) output->publish(io::encode(run));
  const theory::Prediction& theory = *prediction->theory;
  const auto measured = [&](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  Json json;
  json["n"] = prediction->n;
  json["beta0"] = prediction->start.beta;
  json["w0"] = prediction->start.w;
  json["tau_star"] = theory.tau_star;
  json["t_icl_step_from_initial"] = theory.initial_steps;
  json["t_icl_step_from_measured"] = measured(theory.measured_steps);
  json["t_icl_step"] = measured(run.t_icl_step);
  json["t_icl_step_refined"] = measured(run.t_icl_refined);
  if (command.json) {
    print(json_text(json));
    return ExitCode::done;
  }
  const auto steps = [](const auto& value, const char* none) {
    return value ? fmt::format("{:.0f}", static_cast<double>(*value)) : std::string(none);
  };
  print(fmt::format(
      "effective beta {:.4f}, w {:.4f} at the first evaluation, n = {}: tau* = {:.6g}\n",
      prediction->start.beta, prediction->start.w, prediction->n, theory.tau_star));
  print(fmt::format("t_ICL predicted from there, if nothing is memorised: {:.0f}\n",
                    theory.initial_steps));
  print(fmt::format("t_ICL predicted with the measured c1(t), c2(t):      {}\n",
                    steps(theory.measured_steps, "not by the last evaluation")));
  print(fmt::format("t_ICL measured:                                      {}\n",
                    steps(run.t_icl_refined ? run.t_icl_refined : run.t_icl_step, "not acquired")));
  return ExitCode::done;
}

ExitCode run(const LandscapeCommand& command) {
  if (command.samples < 1) {
    throw Error(ExitCode::usage, fmt::format("--samples {}: must be at least 1", command.samples));
  }
  const Workers workers(start_threads_for(command.threads));
  analysis::LandscapeRequest request = command.request;
  analysis::check_grids(request, command.run ? command.samples : 1);
  std::optional<io::RunRecord> run;
  if (command.run) {
    check_distinct(*command.run, command.out);
    run = io::read_run(*command.run).record;
    check_memory(io::footprint_of_replaying(run->config, workers.threads()),
                 "training this run again", command.ignore_memory_limit);
  }
  io::check_creatable(command.out);
  io::OutputLock output(command.out);
  check_output(command.out, command.force, OutputKind::data);
  if (run) take_from_run(*std::move(run), command, workers, request);
  output.publish(analysis::landscape_file(request, workers));
  return ExitCode::done;
}

}  // namespace icl::cli
