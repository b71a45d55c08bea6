#include <fmt/format.h>

#include <cmath>

#include "icl/cli/commands.hpp"
#include "icl/cli/json.hpp"
#include "icl/io/file.hpp"
#include "icl/theory/flow.hpp"

namespace icl::cli {

ExitCode run(const TauStarCommand& command) {
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
  const double tau =
      theory::blow_up_time({command.w0, command.beta0}, command.c2, command.beta_end);
  const auto steps = [&] {
    return theory::acquisition_steps(static_cast<double>(*command.N - 1), tau,
                                     command.learning_rate);
  };
  if (command.json) {
    Json json;
    json["beta0"] = command.beta0;
    json["w0"] = command.w0;
    json["c2"] = command.c2;
    json["beta_end"] = to_json(config::Value(command.beta_end));
    json["tau_star"] = tau;
    json["t_icl_steps"] = command.N ? Json(steps()) : Json(nullptr);
    fmt::print("{}\n", json.dump(2));
    return ExitCode::done;
  }
  fmt::print("tau* = {:.10g}\n", tau);
  if (command.N) {
    fmt::print("t_ICL at K = infinity, N = {}, learning rate {}: {:.1f} steps\n", *command.N,
               command.learning_rate, steps());
  }
  return ExitCode::done;
}

ExitCode run(const LandscapeCommand& command) {
  check_output(command.out, command.force);
  io::publish_file(command.out, analysis::landscape_file(command.request));
  return ExitCode::done;
}

}  // namespace icl::cli
