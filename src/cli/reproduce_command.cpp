#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "icl/cli/job_array.hpp"
#include "icl/cli/merge.hpp"
#include "icl/cli/python.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/cli/train_sweep.hpp"
#include "icl/config/description.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/nearest.hpp"
#include "icl/config/system.hpp"
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

/// One folder of experiments that holds a sweep.
struct Item {
  std::string name;
  fs::path folder;
  config::Description description;
  [[nodiscard]] fs::path file() const { return folder / "experiment.toml"; }
};

/// All of a folder by name, their descriptions not yet read: a broken one does not keep the others
/// from being made.
std::vector<Item> items_of(const fs::path& experiments) {
  std::error_code error;
  std::vector<Item> items;
  for (const fs::directory_entry& entry : fs::directory_iterator(experiments, error)) {
    if (!fs::exists(entry.path() / "experiment.toml")) continue;
    items.push_back({entry.path().filename().string(), entry.path(), {}});
  }
  if (error || items.empty()) {
    throw Error(ExitCode::bad_input,
                fmt::format("'{}' holds no item: {}", experiments.string(),
                            error ? error.message() : "no folder in it has an experiment.toml"));
  }
  std::ranges::sort(items, {}, &Item::name);
  return items;
}

/// The paper's figures first, each with its description.
std::vector<Item> described(std::vector<Item> items) {
  for (Item& item : items) item.description = config::load_description(item.file());
  std::ranges::stable_sort(items, {},
                           [](const Item& item) { return item.description.figure.empty(); });
  return items;
}

std::vector<Item> chosen(const ReproduceCommand& command, std::vector<Item> items) {
  if (command.name == "all") return described(std::move(items));
  const auto found = std::ranges::find(items, command.name, &Item::name);
  if (found != items.end()) return described({*found});
  std::vector<std::string> names;
  std::vector<std::string> longer;  // than what was asked for: fig6 for fig6a
  for (const Item& item : items) {
    names.push_back(item.name);
    if (item.name.starts_with(command.name)) longer.push_back(item.name);
  }
  std::string meant(config::nearest_word(command.name, names));
  if (!longer.empty()) meant = fmt::format("{}", fmt::join(longer, ", "));
  throw Error(ExitCode::usage,
              fmt::format("no item \"{}\"{}; icl reproduce --list shows them", command.name,
                          meant.empty() ? "" : fmt::format("; did you mean {}?", meant)));
}

ExitCode list(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) {
    const config::Description& about = item.description;
    text += fmt::format("{:<20} {}{}\n", item.name, about.title,
                        about.figure.empty() ? "" : fmt::format(" (figure {})", about.figure));
    text +=
        fmt::format("{:<20} {} check{}; scales:", "", about.checks, about.checks == 1 ? "" : "s");
    for (const std::string& scale : about.scales) text += " " + scale;
    // The file's own settings are the paper's, unless it names that scale.
    const bool named = std::ranges::find(about.scales, "paper") != about.scales.end();
    text += named ? "\n" : " paper\n";
  }
  print(text);
  return ExitCode::done;
}

constexpr double never = std::numeric_limits<double>::infinity();

/// The mean of the middle two of an even number.
std::string median_text(std::vector<double> times) {
  std::ranges::sort(times);
  const double median = (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
  return median < never ? fmt::format("{}", median) : "beyond the end";
}

/// "data.N = 12": where a run lies in the grid, but for its seed and one key.
std::string point_of(const sweep::Plan& plan, const config::Config& c, std::string_view without) {
  std::vector<std::string> parts;
  for (const config::Field* field : plan.sweep().varied()) {
    if (field->name == without) continue;
    parts.push_back(fmt::format("{} = {}", field->name, config::to_text(config::get(*field, c))));
  }
  return parts.empty() ? "all runs" : fmt::format("{}", fmt::join(parts, ", "));
}

/// Between which K the threshold lies.
class Bracket {
 public:
  void add(config::Diversity K, std::size_t acquired, std::size_t runs) {
    points_[K] = {acquired, runs};
  }
  /// A line, where there are several K; otherwise nothing.
  [[nodiscard]] std::string text(const std::string& point) const {
    if (points_.size() < 2) return "";
    std::string none = "no K";
    std::string every = "no K";
    bool none_yet = true;
    bool all_since = false;
    for (const auto& [K, at] : points_) {
      none_yet = none_yet && at.acquired == 0;
      if (none_yet) none = name_of(K);
      const bool all = at.acquired == at.runs;
      if (all != all_since) every = all ? name_of(K) : "no K";
      all_since = all;
    }
    return fmt::format("  {}: no run acquired ICL up to {}, all did from {} on\n", point, none,
                       every);
  }

 private:
  struct At {
    std::size_t acquired;
    std::size_t runs;
  };
  static std::string name_of(config::Diversity K) {
    return K.is_infinite() ? "K = inf" : fmt::format("K = {}", K.count());
  }
  std::map<config::Diversity, At> points_;
};

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
    std::string cost = "time not measured, since a few steps would take long already";
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

  [[nodiscard]] ExitCode merge() const {
    return run(MergeCommand{out_, merged(), fs::exists(merged())});
  }

  [[nodiscard]] ExitCode draw(const std::string& python, const Home& home) const {
    return run_lab(python, home,
                   {"reproduce", "--item", item_.folder.string(), "--scale", scale_, "--merged",
                    merged().string(), "--out", out_.string()});
  }

  /// How many runs acquired ICL at each point, and when; and between which K the threshold lies,
  /// all else being equal: what can be said without Python.
  void print_counts() const {
    const sweep::Plan plan(load(sweep_));
    const sweep::Folder folder(out_);
    const std::size_t seeds = plan.sweep().seeds.size();
    print(fmt::format("{}\n", title()));
    std::map<std::string, Bracket> brackets;
    for (std::size_t first = 0; first < plan.size(); first += seeds) {
      const config::Config c = plan.config(first);
      if (!config::row_of(c.model.system).has.context) continue;
      std::vector<double> times;
      for (std::size_t run = first; run < first + seeds; ++run) {
        const auto step = folder.status(plan.hash(run)).t_icl_step;
        times.push_back(step ? static_cast<double>(*step) : never);
      }
      const std::size_t acquired =
          times.size() - static_cast<std::size_t>(std::ranges::count(times, never));
      print(fmt::format("  {}: {} of {} acquired ICL, median step {}\n", point_of(plan, c, ""),
                        acquired, seeds, median_text(times)));
      brackets[point_of(plan, c, "data.K")].add(c.data.K, acquired, seeds);
    }
    for (const auto& [point, bracket] : brackets) print(bracket.text(point));
  }

 private:
  [[nodiscard]] fs::path merged() const { return out_ / "sweep.h5"; }
  [[nodiscard]] std::string title() const { return fmt::format("{}, {}", item_.name, scale_); }

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
    ExitCode code = reproduction.train(ignore_memory_limit);
    if (code == ExitCode::interrupted) return code;
    if (code == ExitCode::done) {
      code = reproduction.merge();
      if (!python) reproduction.print_counts();
      if (python && code == ExitCode::done) code = reproduction.draw(*python, home);
    }
    worst = graver(worst, code);
  }
  if (python) return worst;
  say(what_python_needs());
  return graver(worst, ExitCode::unavailable);
}

ExitCode run(const ReproduceCommand& command) {
  const Home home = find_home();
  const std::vector<Item> all = items_of(command.experiments.value_or(home.experiments));
  if (command.list) return list(described(all));
  if (command.name.empty()) {
    throw Error(ExitCode::usage, "name an item, or all; icl reproduce --list shows them");
  }
  require_possible(command.pace);
  const std::vector<Item> items = chosen(command, all);
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
           .doc = "smoke (seconds), desk (default; minutes) or paper (as published)",
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
