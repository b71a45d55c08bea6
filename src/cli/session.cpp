#include "icl/cli/session.hpp"

#include <fmt/format.h>

#include <array>

#include "icl/cli/output.hpp"
#include "icl/cli/progress_line.hpp"
#include "icl/cli/signals.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/config/field_values.hpp"
#include "icl/core/blas_room.hpp"
#include "icl/core/cpus.hpp"
#include "icl/core/message.hpp"
#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/longer.hpp"
#include "icl/run/recorder.hpp"
#include "icl/run/replay.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "icl/train/trainer.hpp"

namespace icl::cli {
namespace {

/// The status that a run ends in whose file says that it has ended; nothing if it can go on.
std::optional<ExitCode> ended_status(const StoredRun& stored, const std::string& file, bool quiet) {
  const run::RunRecord& record = stored.record;
  if (record.status == run::RunStatus::diverged) {
    throw Error(ExitCode::diverged,
                fmt::format("'{}' diverged at step {}, and would do so again", file, record.step));
  }
  if (record.status != run::RunStatus::done || stored.longer) return std::nullopt;
  if (!quiet) say(fmt::format("done already, after {} steps: {}", record.step, file));
  return ExitCode::done;
}

/// Makes it the run that was planned as the session has it.
void lengthen(StoredRun& stored, const Session& session, const Workers& workers) {
  const config::Config config = with_places_of(stored.record.config, session.config);
  const std::string file = session.out.string();
  if (!session.options.quiet) {
    say(fmt::format("from step {} on for {} epochs in place of {}: {}", stored.record.step,
                    config.train.epochs, stored.record.config.train.epochs, file));
  }
  run::plan_longer(stored.record, config, file, workers, stored.places);
}

ExitCode report(train::Outcome outcome, const train::Trainer& trainer,
                const std::filesystem::path& out, bool quiet) {
  const std::string file = out.string();
  const train::Progress& progress = trainer.progress();
  switch (outcome) {
    case train::Outcome::diverged:
      throw Error(ExitCode::diverged,
                  fmt::format("{}; '{}' holds what was recorded before (a smaller "
                              "train.learning_rate may help)",
                              trainer.fault(), file));
    case train::Outcome::interrupted:
      say(fmt::format("interrupted after step {}; go on with --resume: {}", progress.step, file));
      return ExitCode::interrupted;
    case train::Outcome::completed:
    case train::Outcome::early_stopped:
    case train::Outcome::memorised:
      break;
  }
  if (!quiet) {
    say(fmt::format("done after {} steps, {}: {}", progress.step,
                    progress.t_icl_step
                        ? fmt::format("ICL acquired at step {}", *progress.t_icl_step)
                        : "ICL not acquired",
                    file));
  }
  return ExitCode::done;
}

}  // namespace

ExitCode train(const Session& session) {
  const OutputOptions& options = session.options;
  const std::string file = session.out.string();
  const int threads = start_threads_for(options.threads);
  say_when_ended("icl: interrupted; --resume starts it, or goes on\n");
  if (options.parent) stop_with(*options.parent);

  // A finished file is not even locked, and may be one that cannot be replaced; one that can go on
  // is read again under the lock.
  if (const auto found = stored_run(session)) {
    if (const auto status = ended_status(*found, file, options.quiet)) return *status;
    if (found->longer) {
      check_memory(run::footprint_of_lengthening(found->record.config, session.config,
                                                 found->record.step, threads),
                   "making this run longer", options.ignore_memory_limit);
    }
  }
  check_memory(session.origin ? run::footprint_of_branching(session.config, threads)
                              : run::footprint_of_training(session.config, threads),
               "this run", options.ignore_memory_limit);
  store::check_creatable(session.out);
  store::OutputLock output(session.out, {.stop = &SignalGuard::stop_requested()});
  if (!options.resume) check_output(session.out, options.force, OutputKind::run);
  auto found = stored_run(session);
  if (found) {
    if (const auto status = ended_status(*found, file, options.quiet)) return *status;
    run::require_same_bits(found->record, file, options.kernel_change);
    if (found->longer) lengthen(*found, session, Workers(threads));
  }
  const config::Config& config = found ? found->record.config : session.config;
  auto items = found ? run::items_of(found->record, found->places)
                     : run::read_items(session.config, session.places);
  const std::string items_hash = items ? items->hash : std::string();
  train::Trainer trainer(config, Workers(threads), std::move(items));
  run::RunRecord record;
  if (found) {
    trainer.restore(found->record.state.value(), found->record.due);
    record = std::move(found->record);
    config::take_writing(session.config, record.config);
  } else {
    record = run::new_record(session.config, trainer.readable_parameters());
    record.origin = session.origin;
    record.items_hash = items_hash;
    if (session.origin) trainer.restore(session.origin->state, train::Due::open);
  }
  run::Stretch stretch = run::describe_process(threads, options.command_line);
  stretch.from_step = trainer.progress().step;
  if (session.config.data.items) stretch.items_folder = session.places.folder.string();
  run::Recorder recorder(output, std::move(record), std::move(stretch));
  ProgressLine progress_line(trainer.progress().step, trainer.last_step(), threads);
  const std::array<train::Observer*, 2> observers{&recorder, &progress_line};
  // Signals to a sweep's processes may come from two sides: from their parent and from Slurm.
  const SignalGuard signals(options.parent ? SecondSignal::is_ignored : SecondSignal::ends_at_once);
  // The trainer looks at it within a step: however long that takes, it ends there and publishes.
  acknowledge_stop();
  const auto outcome =
      trainer.run(std::span(observers).first(options.quiet ? 1 : 2), SignalGuard::stop_requested());
  if (outcome == train::Outcome::interrupted && !recorder.has_begun()) {
    say(fmt::format("interrupted before there was anything new to write; go on with --resume: {}",
                    file));
    return ExitCode::interrupted;
  }
  return report(outcome, trainer, session.out, options.quiet);
}

int resolve_threads(int requested) {
  if (requested == 0) {
    const int threads = choose_threads().threads;
    return has_room_of_threads(threads) ? threads : 1;
  }
  if (requested < 1 || requested > Workers::max_threads) {
    throw Error(ExitCode::usage,
                fmt::format("--threads {}: must be from 1 to {}", requested, Workers::max_threads));
  }
  return requested;
}

int start_threads_for(int requested) {
  const int threads = resolve_threads(requested);
  try {
    start_threads(threads);
    return threads;
  } catch (const Error& error) {
    if (requested != 0 || error.code() != ExitCode::resources) throw;
    return 1;
  }
}

void check_memory(const run::Footprint& parts, const std::string& who, bool ignore) {
  if (!ignore) run::require_memory(parts, who);
}

}  // namespace icl::cli
