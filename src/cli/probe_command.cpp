#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "icl/analysis/coefficient_checks.hpp"
#include "icl/analysis/probe_file.hpp"
#include "icl/analysis/probe_run.hpp"
#include "icl/cli/output.hpp"
#include "icl/cli/signals.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/config/steps.hpp"
#include "icl/core/blas_room.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/weights.hpp"
#include "icl/store/file.hpp"
#include "icl/store/isolated.hpp"
#include "icl/store/lock.hpp"
#include "options.hpp"
#include "probe_request.hpp"

namespace icl::cli {
namespace {

std::vector<std::int64_t> steps_of(const ProbeCommand& command, run::RunRecord& run) {
  if (!command.steps && run.snapshot_steps.empty()) {
    throw Error(ExitCode::usage,
                fmt::format("'{}' has no snapshot yet: give --steps", command.run.string()));
  }
  if (!command.steps) return run.snapshot_steps;
  auto steps = config::steps_of(config::parse_steps(*command.steps), run.step);
  const std::int64_t first = run.origin ? run.origin->state.progress.step : 0;
  for (const std::int64_t step : steps) {
    if (step >= first && step <= run.step) continue;
    throw Error(ExitCode::usage,
                fmt::format("--steps {}: '{}' made steps {} to {}{}", step, command.run.string(),
                            first, run.step, run.origin ? "; those before are its parent's" : ""));
  }
  if (run::needs_training(run, steps)) require_reproducible(run, command.run.string());
  return steps;
}

std::filesystem::path output_of(const ProbeCommand& command) {
  if (command.out) return *command.out;
  std::filesystem::path out = command.run;
  return out.replace_extension("probe.h5");
}

/// What the output holds already, if it may be gone on with: whatever else it has stays.
void take_over(const std::filesystem::path& out, analysis::ProbeRecord& record) {
  std::error_code ignored;
  if (!std::filesystem::exists(out, ignored)) return;
  const auto bytes = store::read_file(out);
  if (bytes.empty()) return;
  const std::string name = out.string();
  analysis::ProbeRecord there;
  try {
    store::try_in_child(name, store::allowance_for(bytes.size()),
                        [&] { (void)analysis::decode_probe(bytes, name); });
    there = analysis::decode_probe(bytes, name);
  } catch (const Error& error) {
    if (error.code() != ExitCode::bad_input) throw;
    throw Error(
        ExitCode::cannot_create,
        fmt::format("{}; it exists already: choose another --out, or remove it", error.what()));
  }
  if (const auto differs = analysis::difference(there, record)) {
    throw Error(ExitCode::cannot_create,
                fmt::format("'{}' exists already, and {}: choose another --out, or --force to "
                            "measure anew",
                            name, *differs));
  }
  if (there.request.curvature) record.request.curvature = there.request.curvature;
  if (there.request.coefficient) record.request.coefficient = there.request.coefficient;
  if (!there.circuits.empty()) record.circuits = std::move(there.circuits);
  record.curvature = std::move(there.curvature);
  record.coefficient = std::move(there.coefficient);
}

template <class AtSteps>
bool holds(const AtSteps& all, std::int64_t step) {
  return std::ranges::any_of(all, [&](const auto& one) { return one.step == step; });
}

/// In its place by step.
template <class AtSteps>
void insert(AtSteps& all, typename AtSteps::value_type one) {
  const auto place = std::ranges::upper_bound(all, one.step, {}, &AtSteps::value_type::step);
  all.insert(place, std::move(one));
}

std::string summary(const analysis::ProbeRecord::AtStep& at) {
  const auto& all = at.curvature.circuits.front();
  return fmt::format("loss {:.4g}, largest eigenvalue {:.4g}, trace {:.4g}", at.curvature.loss,
                     all.hessian.top.front(), all.hessian_trace.value);
}

std::string summary(const analysis::ProbeRecord::Chains& at,
                    const analysis::ProbeRequest& request) {
  const auto found =
      learning_coefficient(at.losses.front(), at.baseline, settings_of(request).front());
  const std::string value = fmt::format("learning coefficient {:.4g}", found.value);
  return at.losses.front().size() == 1 ? value : fmt::format("{} +- {:.2g}", value, found.error);
}

/// Those of the steps of which the record lacks what is asked for.
std::vector<std::int64_t> missing(const ProbeCommand& command, const analysis::ProbeRecord& record,
                                  const std::vector<std::int64_t>& steps) {
  std::vector<std::int64_t> lacking;
  std::ranges::copy_if(steps, std::back_inserter(lacking), [&](std::int64_t step) {
    return (command.curvature && !holds(record.curvature, step)) ||
           (command.coefficient && !holds(record.coefficient, step));
  });
  return lacking;
}

/// The chains at a step; throws Error(diverged) if some ran away: their means are no coefficient.
analysis::ProbeRecord::Chains chains_at(std::int64_t step, analysis::RunProbe& probe,
                                        const analysis::ProbeRequest& request,
                                        const std::filesystem::path& out) {
  auto found = probe.coefficient(step);
  if (const auto fault = divergence(found, request)) {
    throw Error(ExitCode::diverged,
                fmt::format("{}; nothing of it is kept: take a smaller --llc-epsilon (and another "
                            "--out, or --force, if '{}' has coefficients already)",
                            *fault, out.string()));
  }
  return found;
}

ExitCode run(const ProbeCommand& command) {
  const analysis::ProbeRequest request = request_of(command);
  const std::filesystem::path out = output_of(command);
  check_distinct(command.run, out);
  run::RunRecord run = run::read_run(command.run).record;
  const auto steps = steps_of(command, run);
  const run::ItemPlaces places = moved_items(run.config, command.overrides);
  const int threads = start_threads_for(command.threads);
  require_room_of_threads(threads);
  check_memory(analysis::footprint_of_probing(run.config, request, std::ssize(steps), threads),
               "probing this run", command.ignore_memory_limit);
  say_when_ended("icl: interrupted; what is measured is kept, and the same command goes on\n");
  store::check_creatable(out);
  store::OutputLock output(out, {.stop = &SignalGuard::stop_requested()});
  if (command.force) check_output(out, true, OutputKind::data);
  const SignalGuard signals;
  analysis::RunProbe probe(run, request, places,
                           Workers(threads).interruptible(SignalGuard::stop_requested()));
  analysis::ProbeRecord record = probe.record();
  if (!command.force) take_over(out, record);
  probe.expect(missing(command, record, steps));
  const auto told = [&](std::int64_t step, const std::string& text) {
    output.publish(analysis::encode(record));
    if (!command.quiet) note(fmt::format("step {}: {}", step, text));
  };
  try {
    for (const std::int64_t step : steps) {
      if (command.curvature && !holds(record.curvature, step)) {
        auto found = probe.curvature(step);
        const std::string text = summary(found);
        insert(record.curvature, std::move(found));
        told(step, text);
      }
      if (command.coefficient && !holds(record.coefficient, step)) {
        auto found = chains_at(step, probe, request, out);
        const std::string text = summary(found, request);
        insert(record.coefficient, std::move(found));
        told(step, text);
      }
    }
  } catch (const Interrupted&) {
    acknowledge_stop();
    const bool none = record.curvature.empty() && record.coefficient.empty();
    say(none ? "interrupted before anything was measured"
             : fmt::format("interrupted; the steps that are measured are in '{}', and the same "
                           "command goes on",
                           out.string()));
    return ExitCode::interrupted;
  }
  for (const std::string& line : doubts(record)) say(line);
  return ExitCode::done;
}

}  // namespace

void commands::probe(Command& program) {
  Command& probe = program.add_command(
      "probe", "Curvature of the loss and local learning coefficient at steps of a run, in double");
  auto& to = probe.set_action<ProbeCommand>(run);
  probe.add({.names = "RUN.h5", .to = &to.run, .doc = "Run file", .required = true});
  probe.add({.names = "--steps",
             .to = &to.steps,
             .doc =
                 "A,B or FIRST:LAST:EVERY, LAST not among them (default: the snapshots); what is "
                 "no snapshot is trained again",
             .value = "STEPS"});
  probe.add({.names = "--curvature",
             .to = &to.curvature,
             .doc = "Eigenvalues and traces of Hessian and true Fisher matrix, and the gradient's "
                    "noise, by sub-circuit"});
  probe.add(
      {.names = "--llc",
       .to = &to.coefficient,
       .doc = "Local learning coefficient by stochastic gradient Langevin dynamics. It is defined "
              "at a "
              "local minimum: where it comes out negative, the weights are none. Sweep epsilon and "
              "gamma, and look at the losses /llc/chain_loss: they must have come to rest"});
  probe.add({.names = "-o,--out",
             .to = &to.out,
             .doc = "Probe file (default: RUN.probe.h5 beside the run). Steps that it has are kept",
             .value = "PROBE.h5"});
  probe.add({.names = "-f,--force", .to = &to.force, .doc = "Replace an existing probe file"});
  probe.add({.names = "--sequences",
             .to = &to.sequences,
             .doc = "How many training sequences, the same for all steps (default: 512)"});
  probe.add({.names = "--eigenvalues",
             .to = &to.of_curvature.eigenvalues,
             .doc = "How many, the largest (default: 5)"});
  probe.add({.names = "--trace-vectors",
             .to = &to.of_curvature.trace_samples,
             .doc = "Vectors of signs for the trace of the Hessian (default: 16)"});
  probe.add({.names = "--products",
             .to = &to.of_curvature.most,
             .doc = "Matrix-vector products at most for a set of eigenvalues (default: 60)"});
  probe.add({.names = "--llc-epsilon",
             .to = &to.of_coefficient.steps,
             .doc = "Step sizes of the chains; all pairs with --llc-gamma (default: 1e-4)",
             .value = "EPS,...",
             .list = List::commas});
  probe.add(
      {.names = "--llc-gamma",
       .to = &to.of_coefficient.localisations,
       .doc =
           "Strengths of the pull back to the run's weights, well below n beta times the largest "
           "eigenvalue of the Hessian (default: 100). The coefficient must not depend on "
           "it: try several",
       .value = "GAMMA,...",
       .list = List::commas});
  probe.add({.names = "--llc-nbeta",
             .to = &to.inverse_temperature,
             .doc = "Inverse temperature n beta (default: n / ln n for n sequences)"});
  probe.add(
      {.names = "--llc-chains", .to = &to.of_coefficient.chains, .doc = "Chains (default: 4)"});
  probe.add(
      {.names = "--llc-burn-in",
       .to = &to.of_coefficient.burn_in,
       .doc =
           "Steps of a chain before its draws, several times 1 / (epsilon gamma) (default: 400)"});
  probe.add({.names = "--llc-draws",
             .to = &to.of_coefficient.draws,
             .doc = "Draws of a chain (default: 400)"});
  add_moved_items(probe, to.overrides);
  add_threads(probe, to.threads);
  add_memory_limit(probe, to.ignore_memory_limit);
  add_quiet(probe, to.quiet);
  probe.add_example("icl probe run.h5 --curvature --llc", "At all snapshots, into run.probe.h5");
  probe.add_example(
      "icl probe run.h5 --llc --steps 0,100 --llc-epsilon 3e-5,1e-4 --llc-gamma 10,30,100 "
      "--llc-burn-in 4000",
      "A sweep over the two knobs of the coefficient, at two steps");
}

}  // namespace icl::cli
