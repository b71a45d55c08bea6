// icl theory tau-star, icl theory predict
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

#include "icl/cli/json.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/prediction.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "icl/theory/flow.hpp"
#include "icl/theory/landscape.hpp"
#include "options.hpp"

namespace icl::cli {

namespace {

struct TauStarCommand {
  double beta0 = 0;
  double w0 = 0;
  double c2 = 0.5;  ///< of a memoriser that knows nothing
  double beta_end = theory::no_cut;
  std::optional<std::int64_t> N;  ///< to say the step of acquisition too
  double learning_rate = 0.01;
  bool landscape = false;  ///< the same by descent on the un-expanded landscape, to 95 % accuracy
  bool attend_self = false;
  std::optional<double> A;  ///< with nu: I_K(infinity) = A K^nu, to say the threshold K* too
  std::optional<double> nu;
  bool json = false;
};

struct PredictCommand {
  std::filesystem::path run;
  bool json = false;
  bool write = false;  ///< publish the file again, with /theory as this program computes it
};

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
  std::optional<store::OutputLock> output;
  if (command.write) output.emplace(command.run);
  run::RunRecord run = run::read_run(command.run).record;
  run.prediction = run::predict(run);
  const auto& prediction = run.prediction;
  if (!prediction || !prediction->theory) {
    throw Error(ExitCode::bad_input,
                fmt::format("the theory says nothing of '{}': {}", file,
                            prediction ? prediction->reason : "a memoriser has no attention"));
  }
  if (output) output->publish(run::encode(run));
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

}  // namespace

namespace {

void add_tau_star(Command& theory) {
  Command& tau = theory.add_command(
      "tau-star", "The time, in units of I_K/n, at which the flow of (w, beta) blows up");
  auto& to = tau.set_action<TauStarCommand>(run);
  tau.add_example("icl theory tau-star --N 20",
                  "With the step at which ICL is acquired among 20 tokens");
  tau.add_example("icl theory tau-star --beta0 0.5 --json",
                  "From another initial beta, for programs");
  for (Option& option : std::vector<Option>{
           {.names = "--beta0", .to = &to.beta0, .doc = "Initial beta (default: 0)"},
           {.names = "--w0", .to = &to.w0, .doc = "Initial w (default: 0)"},
           {.names = "--c2",
           .to = &to.c2,
           .doc = "c2, held constant (default: 0.5, at initialisation)"},
           {.names = "--beta-end",
           .to = &to.beta_end,
           .doc = "Stop at this beta (default: at the blow-up)"},
           {.names = "--N",
           .to = &to.N,
           .doc = "Tokens: say the step of acquisition at K = infinity too"},
           {.names = "--learning-rate",
           .to = &to.learning_rate,
           .doc = "For that step (default: 0.01)"},
           {.names = "--landscape",
           .to = &to.landscape,
           .doc = "And the step at which descent on the un-expanded landscape has 95 % accuracy"},
           {.names = "--attend-self",
           .to = &to.attend_self,
           .doc = "There the target attends to itself too"},
           {.names = "--A", .to = &to.A, .doc = "With --nu: the threshold K* if I_K = A K^nu"},
           {.names = "--nu", .to = &to.nu, .doc = "See --A"},
           {.names = "--json", .to = &to.json, .doc = "As JSON"}}) {
    tau.add(std::move(option));
  }
}

void add_predict(Command& theory) {
  Command& predict = theory.add_command(
      "predict", "When the theory expected a recorded run to acquire ICL, and when it did");
  auto& to = predict.set_action<PredictCommand>(run);
  predict.add_example("icl theory predict run.h5", "The steps at which ICL was predicted and came");
  predict.add_example("icl theory predict run.h5 --json", "The same for programs");
  predict.add(
      {.names = "run", .to = &to.run, .doc = "Run file", .value = "RUN.h5", .required = true});
  predict.add({.names = "--json", .to = &to.json, .doc = "As JSON"});
  predict.add({.names = "--write",
               .to = &to.write,
               .doc = "Write it to the file's /theory, as this program has it"});
}

}  // namespace

void commands::theory(Command& program) {
  Command& theory =
      program.add_command("theory", "What the minimal model's theory says, without training");
  theory.add_example("icl theory tau-star --N 20", "When ICL is acquired among 20 tokens");
  theory.add_example("icl theory predict run.h5", "When a run should have acquired it, and did");
  add_tau_star(theory);
  add_landscape(theory);
  add_predict(theory);
}

}  // namespace icl::cli
