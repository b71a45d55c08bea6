#include "icl/run/export_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "icl/config/probe_set.hpp"
#include "icl/config/steps.hpp"
#include "icl/core/error.hpp"

namespace icl::run {
namespace {

using Steps = std::vector<std::int64_t>;

Error refused(std::string_view option, std::string_view text, const std::string& why) {
  return {ExitCode::usage, fmt::format("{} {}: {}", option, text, why)};
}

/// A text's steps, all of them from `first` to `last`; otherwise Error with what `outside` says.
Steps steps_between(std::string_view option, const std::string& text, std::int64_t first,
                    std::int64_t last, const std::string& outside) {
  std::vector<config::StepRange> ranges;
  try {
    ranges = config::parse_steps(text);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} {}", option, error.what()));
  }
  for (const config::StepRange& range : ranges) {
    if (range.first >= first && config::last_of(range, last) <= last) continue;
    throw refused(option, text, outside);
  }
  return config::steps_of(ranges, last);
}

/// Whether all of a text's steps are among the last 2^14 that there can be: no run reaches them,
/// and icl probe looks at their batches.
bool are_of_probing(const std::string& text) {
  constexpr std::int64_t last = 0xffffffff;
  constexpr std::int64_t first = last - 0x3fff;
  const auto ranges = config::read_steps(text);
  return ranges && std::ranges::all_of(*ranges, [&](const config::StepRange& range) {
           return range.first >= first && config::last_of(range, last) <= last;
         });
}

Steps evaluations_of(const RunRecord& run, std::string_view option, const std::string& text) {
  const Steps& made = run.metric_steps;
  if (made.empty()) throw refused(option, text, "the run was not evaluated yet");
  if (text == "all") return made;
  const std::string none = "the run was not evaluated at that step (but at those of /metrics/step)";
  Steps steps = steps_between(option, text, made.front(), made.back(), none);
  for (const std::int64_t step : steps) {
    if (std::ranges::binary_search(made, step)) continue;
    throw refused(option, fmt::format("{}", step), none);
  }
  return steps;
}

/// Of several texts, all steps: rising, each once.
template <class Read>
Steps all_of(const std::vector<std::string>& texts, const Read& read) {
  Steps all;
  for (const std::string& text : texts) {
    const Steps some = read(text);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

ExportRequest request_of(const RunRecord& run, const ExportWords& words) {
  const config::TaskRow& task = config::row_of(config::task_of(run.config));
  if (!words.items && words.batches.empty() && words.evaluations.empty() && words.probes.empty() &&
      words.weights.empty()) {
    throw Error(ExitCode::usage,
                "nothing to export: give --items, --batch, --evaluation, --probe or --weights");
  }
  if (words.items && run.config.data.K.is_infinite()) {
    throw Error(ExitCode::usage,
                fmt::format("--items: at data.K = inf there is no table of {}; use --batch or "
                            "--evaluation",
                            task.table));
  }
  if (!words.probes.empty() && run.config.probe.sequences == 0) {
    throw Error(ExitCode::usage, "--probe: the run has probe.sequences = 0, and so no probes");
  }
  if (!words.probes.empty() && !config::probes_sequences(run.config)) {
    throw Error(ExitCode::usage,
                "--probe: none of the run's probes looks at sequences (probe.record; icl keys "
                "probe.record)");
  }
  const std::int64_t first = first_step(run);
  const char* before = run.origin ? "; those before are its parent's" : "";
  const auto trained = run.step > first
                           ? fmt::format("the run trained on batches {} to {}", first, run.step - 1)
                           : std::string("the run has trained on no batch yet");
  ExportRequest request;
  request.items = words.items;
  request.batches = all_of(words.batches, [&](const std::string& text) {
    if (are_of_probing(text)) return config::steps_of(config::parse_steps(text), 0xffffffff);
    return steps_between("--batch", text, first, run.step - 1, trained + before);
  });
  request.weights = all_of(words.weights, [&](const std::string& text) {
    return steps_between(
        "--weights", text, first, run.step,
        fmt::format("the run goes from step {} to step {}{}", first, run.step, before));
  });
  request.evaluations = all_of(words.evaluations, [&](const std::string& text) {
    return evaluations_of(run, "--evaluation", text);
  });
  request.probes = all_of(
      words.probes, [&](const std::string& text) { return evaluations_of(run, "--probe", text); });
  return request;
}

}  // namespace icl::run
