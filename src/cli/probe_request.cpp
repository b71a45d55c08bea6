#include "probe_request.hpp"

#include <fmt/format.h>

#include <cmath>

#include "icl/core/error.hpp"

namespace icl::cli {
namespace {

/// Sequences in one pass.
constexpr std::int64_t batch_size = 64;

void require(bool holds, const std::string& what, const std::string& bound) {
  if (!holds) throw Error(ExitCode::usage, fmt::format("{}: must be {}", what, bound));
}

void require_positive(const std::vector<double>& values, const char* option, bool or_zero) {
  for (const double x : values) {
    require(std::isfinite(x) && (x > 0 || (or_zero && x == 0)), fmt::format("{} {}", option, x),
            or_zero ? "0 or a positive number" : "a positive number");
  }
  require(!values.empty(), option, "one number or more");
}

}  // namespace

analysis::ProbeRequest request_of(const ProbeCommand& command) {
  if (!command.curvature && !command.coefficient) {
    throw Error(ExitCode::usage, "nothing to measure: give --curvature, --llc or both");
  }
  analysis::ProbeRequest request;
  constexpr std::int64_t most_sequences = 1 << 20;
  require(
      command.sequences >= 2 * batch_size && command.sequences <= most_sequences &&
          command.sequences % batch_size == 0,
      fmt::format("--sequences {}", command.sequences),
      fmt::format("a multiple of {} from {} to {}", batch_size, 2 * batch_size, most_sequences));
  request.batch_size = batch_size;
  request.batches = command.sequences / batch_size;
  const auto within = [](const char* option, std::int64_t value, std::int64_t least,
                         std::int64_t most) {
    require(value >= least && value <= most, fmt::format("{} {}", option, value),
            fmt::format("from {} to {}", least, most));
  };
  if (command.curvature) {
    within("--eigenvalues", command.of_curvature.eigenvalues, 1, 100);
    within("--trace-vectors", command.of_curvature.trace_samples, 2, 100000);
    within("--products", command.of_curvature.most, 1, 10000);
    request.curvature = command.of_curvature;
  }
  if (command.coefficient) {
    analysis::CoefficientRequest& llc = request.coefficient.emplace(command.of_coefficient);
    const auto n = static_cast<double>(request.sequences());
    llc.inverse_temperature = command.inverse_temperature.value_or(n / std::log(n));
    require_positive(llc.steps, "--llc-epsilon", false);
    require_positive(llc.localisations, "--llc-gamma", true);
    require_positive({llc.inverse_temperature}, "--llc-nbeta", false);
    within("--llc-chains", llc.chains, 1, 1000);
    within("--llc-burn-in", llc.burn_in, 0, 1 << 24);
    require(llc.draws > 0 && llc.draws <= 1 << 24 && llc.draws % request.batches == 0,
            fmt::format("--llc-draws {}", llc.draws),
            fmt::format("a positive multiple of {}, the batches of 64 sequences, so that each is "
                        "seen equally often",
                        request.batches));
  }
  return request;
}

}  // namespace icl::cli
