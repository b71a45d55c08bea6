#include <fmt/format.h>

#include <array>

#include "icl/cli/output.hpp"
#include "icl/cli/progress_line.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/cli/stored_run.hpp"
#include "icl/core/message.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/export.hpp"
#include "icl/run/weights.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct ExportCommand {
  std::filesystem::path run;
  std::optional<std::filesystem::path> out;  ///< default: RUN_data.h5, in this folder
  bool force = false;
  bool ignore_memory_limit = false;
  int threads = 0;  ///< for training again, where --weights needs it
  bool quiet = false;
  run::ExportWords words;
  std::vector<std::string> overrides;  ///< where the items lie now
};

/// Says on standard error how far the training is that is made again.
class RetrainingLine final : public train::Observer {
 public:
  explicit RetrainingLine(std::int64_t last) : last_(last) {}
  void stepped(const train::StateView& run) override {
    const std::int64_t step = run.progress().step;
    if (first_ < 0) first_ = step;
    const double elapsed = seconds(Clock::now() - start_);
    if (!line_.due() || step == first_ || elapsed <= 0) return;
    line_.show(fmt::format("training again: step {}, for {}  {}", step, last_,
                           pace_text(static_cast<double>(step - first_) / elapsed)));
  }

 private:
  std::int64_t first_ = -1;
  std::int64_t last_;
  StatusLine line_;
  Clock::time_point start_ = Clock::now();
};

ExitCode run(const ExportCommand& command) {
  const std::filesystem::path out = command.out.value_or(command.run.stem().string() + "_data.h5");
  check_distinct(command.run, out);
  run::RunRecord run = run::read_run(command.run).record;
  const run::ExportRequest request = run::request_of(run, command.words);
  const run::ItemPlaces places = moved_items(run.config, command.overrides);
  const bool trains = run::needs_training(run, request.weights);
  if (trains) require_reproducible(run, command.run.string());
  const int most_threads = resolve_threads(command.threads);
  check_memory(run::footprint_of_exporting(run.config, request, trains ? most_threads : 0),
               "this export", command.ignore_memory_limit);
  store::check_creatable(out);
  store::OutputLock output(out);
  check_output(out, command.force, OutputKind::data);
  const Workers workers(start_threads_for(command.threads));
  RetrainingLine line(trains ? request.weights.back() : 0);
  const std::array<train::Observer*, 1> observers{&line};
  output.publish(run::export_data(run, request, workers, places,
                                  std::span(observers).first(command.quiet ? 0 : 1)));
  if (!command.out) say(fmt::format("written: {}", out.string()));
  return ExitCode::done;
}

}  // namespace

void commands::export_data(Command& program) {
  Command& data = program.add_command(
      "export", "Write items, batches, sequences and weights as a run saw and had them");
  auto& to = data.set_action<ExportCommand>(run);
  data.add_example("icl export run.h5 --items -o items.h5",
                   "The items that it learned, and novel ones");
  data.add_example("icl export run.h5 --batch 0 --evaluation 1000 -o data.h5",
                   "The first batch, and the sequences of the evaluation at step 1000");
  data.add({.names = "RUN.h5", .to = &to.run, .doc = "Run file", .required = true});
  add_moved_items(data, to.overrides);
  data.add({.names = "--items",
            .to = &to.words.items,
            .doc = "The training and novel items, with labels"});
  const auto steps = [&](const char* name, std::vector<std::string>& words, const char* doc) {
    data.add({.names = name, .to = &words, .doc = doc, .value = "STEPS"});
  };
  steps("--batch", to.words.batches, "Training batches, by the updates made before them");
  steps("--evaluation", to.words.evaluations, "The ICL and IWL sequences of evaluations");
  steps("--probe", to.words.probes, "The sequences that the probes looked at in evaluations");
  steps("--weights", to.words.weights,
        "The weights after any steps: trains again from the nearest snapshot, held to the record");
  data.add({.names = "-o,--out",
            .to = &to.out,
            .doc = "Data file (default: the name of RUN.h5 with _data.h5, in this folder)",
            .value = "DATA.h5"});
  data.add({.names = "-f,--force", .to = &to.force, .doc = "Replace an existing data file"});
  add_threads(data, to.threads);
  add_memory_limit(data, to.ignore_memory_limit);
  add_quiet(data, to.quiet);
  data.set_footer(
      "STEPS: one or more, as 5 or 0,5,9 or FIRST:LAST or FIRST:LAST:EVERY (LAST is not among "
      "them);\nwith --evaluation and --probe also all. An option may be given several times.");
}

}  // namespace icl::cli
