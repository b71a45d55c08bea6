#include "icl/sweep/slurm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "icl/core/error.hpp"

namespace icl::sweep {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// For bash: in single quotes.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (is_control(c)) {
      throw Error(ExitCode::usage, fmt::format("'{}' holds a line break or another control "
                                               "character, which a batch script cannot",
                                               text));
    }
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

/// In the name of an output file Slurm takes % for a pattern, and a backslash for the end of all
/// patterns, which it leaves out.
std::string without_patterns(const std::string& path) {
  if (path.find('\\') != std::string::npos) {
    throw Error(ExitCode::usage,
                fmt::format("'{}' holds a backslash, which Slurm leaves out of the "
                            "names of output files: choose another --out",
                            path));
  }
  std::string result;
  for (const char c : path) result += c == '%' ? std::string("%%") : std::string(1, c);
  return result;
}

/// The words of an #SBATCH line, without quotes.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && (c == ' ' || c == '\t')) {
      if (!words.back().empty()) words.emplace_back();
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else {
      words.back() += c;
    }
  }
  return words;
}

/// Whether the word, as "--arr=0-9", names the option or begins its name.
bool is_long_option(std::string_view word, std::string_view name) {
  if (!word.starts_with("--")) return false;
  const std::string_view given = word.substr(2, word.find('=') - 2);
  return !given.empty() && name.starts_with(given);
}

/// Whether the word, as "-a0-9" or "-Ha", holds the letter of the option.
bool is_short_option(std::string_view word, char letter) {
  constexpr std::string_view without_value = "bhHIkOQsuvVW";
  if (word.size() < 2 || word[0] != '-' || word[1] == '-') return false;
  const std::size_t at = word.find_first_not_of(without_value, 1);
  return at != std::string_view::npos && word[at] == letter;
}

/// An option that the script sets, and what of ours sets it.
struct OwnOption {
  std::string_view name;
  char letter;
  std::string_view set_by;
};
constexpr std::array own_options{
    OwnOption{"array", 'a', "--tasks sets the array"},
    OwnOption{"ntasks", 'n', "a task of the array is one process"},
    OwnOption{"cpus-per-task", 'c', "--jobs and --threads set the CPUs"}};

void check_option(const std::string& option) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (!option.starts_with('-') || std::ranges::any_of(option, is_control)) {
    throw Error(ExitCode::usage, fmt::format("--sbatch '{}': expected an option of sbatch, as "
                                             "--time=02:00:00, without control characters",
                                             option));
  }
  for (const OwnOption& own : own_options) {
    if (!sets_option(option, own.name, own.letter)) continue;
    throw Error(ExitCode::usage, fmt::format("--sbatch '{}': {}", option, own.set_by));
  }
}

constexpr double day_seconds = 86400;

double wanted_seconds(double seconds) {
  constexpr double slower_nodes = 2;
  constexpr double spare_seconds = 600;
  return slower_nodes * seconds + spare_seconds;
}

/// The #SBATCH lines of what is estimated and not asked for, then of what is asked for.
std::string option_lines(const SlurmOptions& options) {
  const auto asked = [&](std::string_view name, char letter) {
    return std::ranges::any_of(options.sbatch_options, [&](const std::string& option) {
      return sets_option(option, name, letter);
    });
  };
  std::string lines;
  if (options.task_seconds > 0 && !asked("time", 't')) {
    if (is_cut_to_a_day(options.task_seconds)) {
      lines += "# A day at most; then the task publishes what it has and is queued again.\n";
    }
    lines += fmt::format("#SBATCH --time={}\n", time_limit(options.task_seconds));
  }
  const bool memory =
      asked("mem", '\0') || asked("mem-per-cpu", '\0') || asked("mem-per-gpu", '\0');
  if (options.task_bytes > 0 && !memory) {
    constexpr double mebibyte = 1 << 20;
    lines += fmt::format("#SBATCH --mem={:.0f}M\n", std::ceil(options.task_bytes / mebibyte));
  }
  if (!options.working_folder.empty()) {
    lines += fmt::format("#SBATCH --chdir={}\n", quoted(options.working_folder.string()));
  }
  for (const std::string& option : options.sbatch_options) {
    check_option(option);
    lines += fmt::format("#SBATCH {}\n", option);
  }
  return lines;
}

}  // namespace

bool sets_option(const std::string& text, std::string_view name, char letter) {
  return std::ranges::any_of(words_of(text), [&](const std::string& word) {
    return is_long_option(word, name) || (letter != '\0' && is_short_option(word, letter));
  });
}

bool is_cut_to_a_day(double seconds) { return wanted_seconds(seconds) > day_seconds; }

std::string time_limit(double seconds) {
  const double limit = std::min(wanted_seconds(seconds), day_seconds);
  const auto minutes = static_cast<int>(std::ceil(limit / 60));
  return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60);
}

std::string batch_script(const SlurmOptions& options) {
  const std::string folder = options.folder.string();
  const std::string items = options.items_folder.empty()
                                ? std::string()
                                : " --items-folder " + quoted(options.items_folder.string());
  // A last line that ends with a backslash goes on in the next one, which is to be empty then.
  std::string prologue = options.prologue;
  if (!prologue.empty() && !prologue.ends_with('\n')) prologue += '\n';
  if (prologue.ends_with("\\\n")) prologue += '\n';
  // --signal without B: goes to the job step, that is to icl and not to this script.
  return fmt::format(R"(#!/bin/bash
# Written by icl sweep --slurm. May be submitted again at any time: what is done stays done.
#SBATCH --job-name=icl
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={output}
{extra}
# SLURM_JOB_ID is no name for it: the last task of an array has the number of the whole array.
task="${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
{prologue}srun --ntasks=1 --cpus-per-task={cpus} {program} sweep {sweep} --out {folder}{items} \
  --shard "$SLURM_ARRAY_TASK_ID/{tasks}" --jobs {jobs} --threads {threads}
status=$?
# 75: stopped by a signal; 143: by one that came before icl could catch it. The task is to go on later, unless it was
# cancelled or Slurm has queued it again already. SIGNALING tells neither, nor does a controller that does not answer.
if (((status == 75 || status == 143) && ${{SLURM_RESTART_COUNT:-0}} < 1000)); then
  for ((tries = 0; tries < 60; ++tries)); do
    case $(squeue --noheader --jobs="$task" --format=%T) in
      RUNNING) scontrol requeue "$task" && break ;;
      "" | SIGNALING | STOPPED | RESIZING | CONFIGURING) ;;
      *) break ;;
    esac
    sleep 1
  done
fi
exit $status
)",
                     fmt::arg("last", options.tasks - 1), fmt::arg("tasks", options.tasks),
                     fmt::arg("cpus", options.cpus), fmt::arg("extra", option_lines(options)),
                     fmt::arg("output", quoted(without_patterns(folder) + "/slurm/%A_%a.out")),
                     fmt::arg("program", quoted(options.program.string())),
                     fmt::arg("sweep", quoted(options.sweep.string())),
                     fmt::arg("folder", quoted(folder)), fmt::arg("items", items),
                     fmt::arg("prologue", prologue),
                     fmt::arg("jobs", std::max(1, options.cpus / options.threads)),
                     fmt::arg("threads", options.threads));
}

}  // namespace icl::sweep
