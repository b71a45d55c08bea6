#include "icl/cli/job_array.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "icl/cli/other_program.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/core/message.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/sweep/forecast.hpp"
#include "icl/sweep/memory.hpp"
#include "icl/sweep/slurm.hpp"

namespace icl::cli {
namespace {

namespace fs = std::filesystem;

/// A quotation, a here-document or an `if` that does not end would take the lines that follow it,
/// srun's among them, for its own. What else bash finds is left to it: here it runs nothing, and so
/// does not know what the file sets.
void require_ended(const fs::path& file) {
  constexpr std::array marks{"unexpected EOF", "unexpected end of file", "here-document"};
  const std::array<std::pair<std::string, std::string>, 1> plain{{{"LC_ALL", "C"}}};
  ProgramEnd end;
  try {
    end = run_program({"bash", "-n", fs::absolute(file).string()}, plain);
  } catch (const Error& error) {
    if (error.code() == ExitCode::unavailable) return;
    throw;
  }
  for (const std::string& line : lines_of(end.complaints)) {
    if (std::ranges::none_of(
            marks, [&](const char* mark) { return line.find(mark) != std::string::npos; })) {
      continue;
    }
    throw Error(ExitCode::bad_input, fmt::format("--prologue '{}' leaves something open, which the "
                                                 "script's own lines would become a part of: {}",
                                                 file.string(), line));
  }
}

/// A shell takes what a terminal would obey, and a carriage return, for a part of a word.
std::string read_prologue(const fs::path& file) {
  const std::vector<std::byte> bytes = store::read_file(file);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto bad = std::ranges::find_if(
      text, [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; });
  if (bad == text.end()) {
    require_ended(file);
    return text;
  }
  throw Error(ExitCode::bad_input,
              fmt::format("--prologue '{}': line {} holds the control character {}{}; expected the "
                          "text of a shell script",
                          file.string(), std::count(text.begin(), bad, '\n') + 1,
                          printable({&*bad, 1}), *bad == '\r' ? ", as lines end on Windows" : ""));
}

void submit(const fs::path& script) {
  ProgramEnd end;
  try {
    end = run_program({"sbatch", script.string()});
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}; the script is '{}'", error.what(), script.string()));
  }
  for (const std::string& line : lines_of(end.output)) print(printable(line) + "\n");
  const std::vector<std::string> said = lines_of(end.complaints);
  if (end.wait_status == 0) {
    for (const std::string& line : said) say(line);
    return;
  }
  throw Error(
      ExitCode::unavailable,
      fmt::format("sbatch refused the script '{}' ({}): {}", script.string(),
                  end_text(end.wait_status),
                  said.empty() ? "without a word" : fmt::format("{}", fmt::join(said, ";"))));
}

/// Tasks, CPUs, paths and prologue, without what they cost.
sweep::SlurmOptions slurm_options(const JobArray& array, const sweep::Plan& plan,
                                  const sweep::Folder& folder) {
  constexpr int default_cpus = 16;
  constexpr std::uint64_t runs_for_each_cpu = 4;
  sweep::SlurmOptions options;
  options.program = fs::read_symlink("/proc/self/exe");
  options.folder = fs::absolute(folder.path()).lexically_normal();
  // Not DIR/sweep.toml: a later call with other axes would change what the shards of this one are.
  const std::string text = config::to_toml(plan.sweep());
  options.sweep = options.folder / "slurm" /
                  (store::hash_hex(std::as_bytes(std::span(text))).substr(0, 16) + ".toml");
  options.threads = array.pace.threads;
  options.cpus = array.pace.jobs > 0 ? array.pace.jobs * array.pace.threads : default_cpus;
  options.sbatch_options = array.sbatch_options;
  options.working_folder = fs::current_path();
  if (array.prologue) options.prologue = read_prologue(*array.prologue);
  const std::uint64_t packed = static_cast<std::uint64_t>(options.cpus) * runs_for_each_cpu;
  const std::uint64_t wanted = (plan.size() + packed - 1) / packed;
  options.tasks = array.tasks > 0
                      ? array.tasks
                      : static_cast<int>(std::min<std::uint64_t>(wanted, sweep::most_array_tasks));
  if (array.tasks < 0 || options.tasks > sweep::most_array_tasks) {
    throw Error(ExitCode::usage,
                fmt::format("--tasks {}: must be from 1 to {} (Slurm's MaxArraySize)", array.tasks,
                            sweep::most_array_tasks));
  }
  return options;
}

sweep::SlurmOptions with_cost(const SweepRequest& request, const JobArray& array,
                              const sweep::Plan& plan, const sweep::Folder& folder) {
  const run::ItemPlaces places = places_of(request, plan.sweep());
  sweep::SlurmOptions options = slurm_options(array, plan, folder);
  if (plan.sweep().base.data.items) options.items_folder = places.folder;
  const auto dearest = plan.shard({0, options.tasks});
  const int at_once = std::max(1, options.cpus / options.threads);
  if (const auto seconds = forecast(plan, dearest, options.threads, places)) {
    options.task_seconds = sweep::makespan(*seconds, static_cast<std::size_t>(at_once));
  }
  // A quarter more, and room for the sweep's own process.
  constexpr double spare = 1.25;
  constexpr double own_bytes = 256e6;
  const auto bytes = sweep::memory_of(plan, dearest, options.threads);
  options.task_bytes = spare * sweep::memory_at_once(bytes, at_once) + own_bytes;
  return options;
}

}  // namespace

ExitCode write_job_array(const SweepRequest& request, const JobArray& array) {
  const sweep::Plan plan(load(request));
  const sweep::Folder folder = folder_of(request);
  const sweep::SlurmOptions options = with_cost(request, array, plan, folder);
  const std::string script = sweep::batch_script(options);
  folder.claim(plan);
  store::make_folders(folder.path() / "slurm");
  const std::string text = config::to_toml(plan.sweep());
  store::publish_file(options.sweep, std::as_bytes(std::span(text)));
  const fs::path path = folder.path() / "sweep.sbatch";
  store::publish_file(path, std::as_bytes(std::span(script)));
  const std::string time = options.task_seconds > 0
                               ? fmt::format("about {} a task if no run stops early, measured here",
                                             duration_text(options.task_seconds))
                               : std::string("the time of a task could not be measured here");
  say(fmt::format("{} runs in {} tasks of {} CPUs: {}", plan.size(), options.tasks, options.cpus,
                  time));
  const bool asked = std::ranges::any_of(options.sbatch_options, [](const std::string& option) {
    return sweep::sets_option(option, "time", 't');
  });
  if (!asked && sweep::is_cut_to_a_day(options.task_seconds)) {
    say("a task asks for a day at a time, then publishes what it has and is queued again until its "
        "runs are done; --sbatch=--time=D-HH:MM asks for longer");
  }
  if (plan.sweep().kernels == config::Kernels::own) {
    say("each node uses its own BLAS kernels; on unlike nodes a run cannot go on where it was, and "
        "bits differ: --kernels avx2");
  }
  if (array.submit) {
    submit(path);
  } else {
    print(path.native() + "\n");
  }
  return ExitCode::done;
}

}  // namespace icl::cli
