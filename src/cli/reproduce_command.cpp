#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "acquired.hpp"
#include "experiment_items.hpp"
#include "icl/cli/job_array.hpp"
#include "icl/cli/merge.hpp"
#include "icl/cli/python.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/cli/train_sweep.hpp"
#include "icl/core/message.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/forecast.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

/// An item of experiments/, or all of them: sweep, merge, picture, verdict.
struct ReproduceCommand {
  std::string name;
  std::string scale = "desk";
  std::filesystem::path out = "results";
  std::optional<std::filesystem::path> experiments;  ///< default: those of this program
  bool list = false;
  bool dry_run = false;
  SweepRequest sweep;  ///< what is asked for beside: axes, seeds
  Pace pace;
  bool ignore_memory_limit = false;
  bool slurm = false;   ///< write a job array in place of training
  bool submit = false;  ///< and hand it to sbatch
};

namespace fs = std::filesystem;

/// The item's sweep and where its results lie: DIR/NAME/SCALE.
class Reproduction {
 public:
  Reproduction(const ReproduceCommand& command, const Item& item)
      : item_(item),
        out_(command.out / item.name / command.scale),
        scale_(command.scale),
        sweep_(command.sweep),
        pace_(command.pace) {
    sweep_.config = item.file();
    sweep_.scale = command.scale;
    sweep_.out = out_;
  }

  /// What is left to be trained, in one line.
  void say_cost() {
    const sweep::Plan plan(load(sweep_));
    const sweep::Folder folder(out_);
    std::vector<std::size_t> runs = plan.shard({0, 1});
    std::erase_if(runs, [&](std::size_t run) {
      return sweep::has_ended(folder.status(plan.hash(run)).state);
    });
    if (runs.empty()) {
      sweep_.quiet = true;  // nothing will happen
      return say(fmt::format("{}: all {} runs are done", title(), plan.size()));
    }
    const auto seconds = forecast(plan, runs, pace_.threads, places_of(sweep_, plan.sweep()));
    const int jobs = resolve_jobs(pace_);
    std::string cost = "time not measured, since a few steps would take much memory already";
    if (seconds) {
      const double sum = std::accumulate(seconds->begin(), seconds->end(), 0.0);
      cost = fmt::format(
          "at most about {} with {} at once, {} of one core, less where runs stop "
          "early",
          duration_text(sweep::makespan(*seconds, static_cast<std::size_t>(jobs))), jobs,
          duration_text(sum * pace_.threads));
    }
    say(fmt::format("{}: {} of {} runs to train, {}", title(), runs.size(), plan.size(), cost));
  }

  [[nodiscard]] ExitCode train(bool ignore_memory_limit) const {
    return train_sweep(sweep_,
                       {.shard = {}, .pace = pace_, .ignore_memory_limit = ignore_memory_limit});
  }

  [[nodiscard]] ExitCode write_job_array(bool submit) const {
    return cli::write_job_array(sweep_, {.pace = pace_, .submit = submit});
  }

  /// The runs that were asked for alone: others of the folder are of other axes or seeds. What an
  /// earlier call judged goes first, since it was not of these.
  [[nodiscard]] ExitCode merge() const {
    std::error_code ignored;
    const fs::path judged = out_ / "results.json";
    if (fs::is_regular_file(judged, ignored)) fs::remove(judged, ignored);
    return run(MergeCommand{
        .folder = out_, .out = merged(), .force = fs::exists(merged()), .of_sweep_alone = true});
  }

  [[nodiscard]] ExitCode draw(const std::string& python, const Home& home) const {
    return run_lab(python, home,
                   {"reproduce", "--item", item_.folder.string(), "--scale", scale_, "--merged",
                    merged().string(), "--out", out_.string()});
  }

  [[nodiscard]] std::string title() const { return fmt::format("{}, {}", item_.name, scale_); }

  /// What can be said without Python.
  void print_counts() const {
    print_acquired(title(), sweep::Plan(load(sweep_)), sweep::Folder(out_));
  }

 private:
  [[nodiscard]] fs::path merged() const { return out_ / "sweep.h5"; }

  const Item& item_;
  fs::path out_;
  std::string scale_;
  SweepRequest sweep_;
  Pace pace_;
};

/// The graver of two: an error before a check that failed, before none.
ExitCode graver(ExitCode a, ExitCode b) {
  if (a == ExitCode::done || (a == ExitCode::check_failed && b != ExitCode::done)) return b;
  return a;
}

ExitCode write_job_arrays(const std::vector<Reproduction>& reproductions, bool submit) {
  ExitCode worst = ExitCode::done;
  for (const Reproduction& reproduction : reproductions) {
    worst = graver(worst, reproduction.write_job_array(submit));
  }
  return worst;
}

ExitCode make(const std::vector<Reproduction>& reproductions, const Home& home,
              bool ignore_memory_limit) {
  const auto python = find_python();
  ExitCode worst = ExitCode::done;
  for (const Reproduction& reproduction : reproductions) {
    ExitCode code = ExitCode::done;
    try {
      code = reproduction.train(ignore_memory_limit);
      if (code == ExitCode::done) {
        code = reproduction.merge();
        if (!python) reproduction.print_counts();
        if (python && code == ExitCode::done) code = reproduction.draw(*python, home);
      }
    } catch (const Error& error) {  // of one item; the others can be made all the same
      if (reproductions.size() == 1 || error.code() == ExitCode::interrupted) throw;
      say(fmt::format("{}: {}", reproduction.title(), error.what()));
      code = error.code();
    }
    if (code == ExitCode::interrupted) return code;
    worst = graver(worst, code);
  }
  if (python) return worst;
  say(what_python_needs());
  return graver(worst, ExitCode::unavailable);
}

ExitCode run(const ReproduceCommand& command) {
  const Home home = find_home();
  const std::vector<Item> all = items_of(command.experiments.value_or(home.experiments));
  if (command.list) return list_items(described(all));
  if (command.name.empty()) {
    throw Error(ExitCode::usage, "name an item, or all; icl reproduce --list shows them");
  }
  require_possible(command.pace);
  const std::vector<Item> items = with_scale(command.scale, chosen(command.name, all));
  std::vector<Reproduction> reproductions;
  for (const Item& item : items) {
    reproductions.emplace_back(command, item);
    reproductions.back().say_cost();
  }
  if (command.dry_run) return ExitCode::done;
  if (command.slurm) return write_job_arrays(reproductions, command.submit);
  return make(reproductions, home, command.ignore_memory_limit);
}

}  // namespace

void commands::reproduce(Command& program) {
  Command& reproduce = program.add_command(
      "reproduce", "A figure of the paper by one command: train, merge, draw, judge its checks");
  auto& to = reproduce.set_action<ReproduceCommand>(run);
  reproduce.add_example("icl reproduce --list", "The items, their checks and scales");
  reproduce.add_example("icl reproduce fig2bc --scale smoke --dry-run",
                        "What figures 2b and 2c cost in small; without --dry-run, make them");
  for (Option& option : std::vector<Option>{
           {.names = "NAME", .to = &to.name, .doc = "An item of --list, or all"},
           {.names = "--list", .to = &to.list, .doc = "The items, their checks and scales"},
           {.names = "--scale",
           .to = &to.scale,
           .doc =
                "smoke (seconds), desk (default; minutes), paper (as published), or another of the "
                "item's",
           .value = "NAME"},
           {.names = "-o,--out",
           .to = &to.out,
           .doc = "Results lie in DIR/NAME/SCALE (default: results)",
           .value = "DIR"},
           {.names = "--experiments",
           .to = &to.experiments,
           .doc = "Folder of items (default: the program's own)",
           .value = "DIR"},
           {.names = "-j,--jobs",
           .to = &to.pace.jobs,
           .doc = "Runs at once (default: as icl sweep)"},
           {.names = "--threads",
           .to = &to.pace.threads,
           .doc = "Threads of each run (default: 1)"},
           {.names = "--seeds",
           .to = &to.sweep.seeds,
           .doc = "How many (5), or which (3,7), in place of the item's",
           .value = "SEEDS"},
           {.names = "--axis",
           .to = &to.sweep.axes,
           .doc = "Other values of an axis or key, as data.N=20,40,80 (several times if wanted)",
           .value = "KEY=VALUES"},
           {.names = "--dry-run",
           .to = &to.dry_run,
           .doc = "Say what is left to train, how long it takes and what it costs"},
           {.names = "--slurm",
           .to = &to.slurm,
           .doc = "Write a Slurm job array in place of training; the same command without it "
                  "draws afterwards",
           .excludes = {"--dry-run", "--list", "--ignore-memory-limit"}},
           {.names = "--submit",
           .to = &to.submit,
           .doc = "And hand it to sbatch",
           .needs = {"--slurm"}}}) {
    reproduce.add(std::move(option));
  }
  add_memory_limit(reproduce, to.ignore_memory_limit);
  add_quiet(reproduce, to.sweep.quiet);
  reproduce.set_footer(
      "Called again, it goes on where it was. Ends with 0 if all checks hold or the data cannot\n"
      "tell, and with 1 if the interval of one misses its bounds.");
}

}  // namespace icl::cli
