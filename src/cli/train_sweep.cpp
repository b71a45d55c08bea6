#include "icl/cli/train_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "icl/cli/signals.hpp"
#include "icl/cli/status_line.hpp"
#include "icl/core/available_memory.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/message.hpp"
#include "icl/run/footprint.hpp"
#include "icl/sweep/memory.hpp"
#include "icl/sweep/runner.hpp"

namespace icl::cli {
namespace {

/// How a sweep stands, in one line.
class SweepLine {
 public:
  explicit SweepLine(bool quiet) : quiet_(quiet) {}

  void progress(const sweep::Tally& tally) {
    if (SignalGuard::stop_requested()) acknowledge_stop();  // the children have been told
    tally_ = tally;
    if (!quiet_ && line_.due()) line_.show(text());
  }
  void finish() {
    if (!quiet_) line_.finish(text());
  }

 private:
  [[nodiscard]] std::string text() const {
    const double elapsed = seconds(Clock::now() - start_);
    const auto ended = static_cast<double>(tally_.ended_here);
    std::string text =
        fmt::format("{}/{} done, {} running, {} failed", tally_.done + tally_.diverged,
                    tally_.total, tally_.running, tally_.failed);
    if (tally_.diverged > 0) text += fmt::format(", {} diverged", tally_.diverged);
    if (tally_.elsewhere > 0) text += fmt::format(", {} elsewhere", tally_.elsewhere);
    if (tally_.complete()) return text;
    if (tally_.work_done <= 0) return text + "  starting";
    return text + fmt::format("  {:.4g} runs/h  {} left", 3600 * ended / elapsed,
                              duration_text(tally_.work_left / tally_.work_done * elapsed));
  }

  bool quiet_;
  StatusLine line_;
  sweep::Tally tally_;
  Clock::time_point start_ = Clock::now();
};

/// Runs at once, so that those which have not ended fit in the memory that there is.
int jobs_in_memory(const SweepTraining& how, bool quiet, const sweep::Plan& plan,
                   const sweep::Folder& folder) {
  const int wanted = resolve_jobs(how.pace);
  if (how.ignore_memory_limit) return wanted;
  std::vector<std::size_t> runs = plan.shard(how.shard);
  std::erase_if(
      runs, [&](std::size_t run) { return sweep::has_ended(folder.status(plan.hash(run)).state); });
  const std::vector<double> bytes = sweep::memory_of(plan, runs, how.pace.threads);
  const auto bounds = memory_bounds();
  const int fit = sweep::jobs_that_fit(bytes, wanted, bounds);
  if (fit == 0) {
    const std::size_t largest =
        runs[static_cast<std::size_t>(std::ranges::max_element(bytes) - bytes.begin())];
    run::require_memory(run::footprint_of_training(plan.config(largest), how.pace.threads),
                        fmt::format("the run with {}", plan.describe(largest)), bounds);
  }
  if (fit == wanted) return wanted;
  const MemoryBound narrow = *std::ranges::find_if(bounds, &MemoryBound::is_shared);
  if (how.pace.jobs > 0) {
    throw Error(ExitCode::resources,
                fmt::format("--jobs {}: so many runs take up to {} of memory together, but {} has "
                            "{} left of {}: --jobs {} fits, or --ignore-memory-limit to try "
                            "nevertheless",
                            wanted, bytes_text(sweep::memory_at_once(bytes, wanted)), narrow.owner,
                            bytes_text(narrow.left), bytes_text(narrow.limit), fit));
  }
  if (!quiet && runs.size() > static_cast<std::size_t>(fit)) {
    say(fmt::format("{} runs at once in place of {}, as {} has {} of memory left", fit, wanted,
                    narrow.owner, bytes_text(narrow.left)));
  }
  return fit;
}

}  // namespace

ExitCode train_sweep(const SweepRequest& request, const SweepTraining& how) {
  const sweep::Plan plan(load(request));
  const sweep::Folder folder = folder_of(request);
  folder.claim(plan);
  const SignalGuard signals;
  SweepLine line(request.quiet);
  const sweep::RunnerOptions options{
      how.shard,         jobs_in_memory(how, request.quiet, plan, folder), how.pace.threads,
      how.kernel_change, places_of(request, plan.sweep()).folder,          how.ignore_memory_limit};
  sweep::Runner runner(plan, folder, options,
                       {[&](const sweep::Tally& tally) { line.progress(tally); },
                        [&](std::size_t run, const std::string& message) {
                          say(fmt::format("run {} failed: {}", plan.describe(run), message));
                        }});
  const sweep::Tally tally = runner.run(SignalGuard::stop_requested());
  line.finish();
  const std::string where = folder.path().string();
  if (tally.complete()) {
    if (!request.quiet) {
      say(fmt::format(
          "{} run{} done{}: {}", tally.total, tally.total == 1 ? "" : "s",
          tally.diverged == 0 ? "" : fmt::format(", {} of them diverged", tally.diverged), where));
    }
    return ExitCode::done;
  }
  const std::size_t left = tally.total - tally.done - tally.diverged;
  if (runner.output_failed()) {
    throw Error(ExitCode::io,
                fmt::format("a run could not be written, so no other was started; {} of "
                            "{} left: {}",
                            left, tally.total, where));
  }
  if (runner.resources_failed()) {
    throw Error(ExitCode::resources,
                fmt::format("the machine lacks what a run needs, so no other was started; {} of {} "
                            "left: {}",
                            left, tally.total, where));
  }
  if (SignalGuard::stop_requested() || runner.out_of_cpu_time()) {
    say(fmt::format("interrupted; the same command goes on with the {} of {} runs left: {}", left,
                    tally.total, where));
    return ExitCode::interrupted;
  }
  throw Error(ExitCode::check_failed,
              fmt::format("{} of {} runs failed; the same command tries them again: {}",
                          tally.failed, tally.total, where));
}

}  // namespace icl::cli
