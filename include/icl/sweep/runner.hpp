#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "icl/core/clock.hpp"
#include "icl/run/replay.hpp"
#include "icl/sweep/child_process.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"

namespace icl::sweep {

struct RunnerOptions {
  Shard shard;
  int jobs = 1;     ///< processes at once
  int threads = 1;  ///< of each process
  run::KernelChange kernel_change = run::KernelChange::offer;
  std::filesystem::path items_folder = {};  ///< for relative paths of items; empty: the current one
  bool ignore_memory_limit = false;
};

/// How the runs of a shard stand.
struct Tally {
  std::size_t total = 0;
  std::size_t done = 0;        ///< ended in their full length or early, now or before
  std::size_t diverged = 0;    ///< ended because the loss was not finite
  std::size_t failed = 0;      ///< in this call
  std::size_t running = 0;     ///< here
  std::size_t elsewhere = 0;   ///< held by other processes
  std::size_t ended_here = 0;  ///< done or diverged in this call
  double work_done = 0;        ///< of those, as Plan::flop
  double work_left = 0;        ///< of all that has not ended, running included

  [[nodiscard]] bool complete() const { return done + diverged == total; }
};

/// Trains the runs of a shard, one process each, until all have ended. A run is done if and only if
/// its file says so: those that are, are not touched; those that were interrupted go on; one that
/// another process is training is waited for. A run that fails is reported and left for the next
/// call; if its output could not be written (exit status 74) or its process not be started, no
/// further one is, and those that run go on to their end.
class Runner {
 public:
  struct Events {
    std::function<void(const Tally&)> progress;  ///< about five times a second, and after each run
    std::function<void(std::size_t run, const std::string& message)> failed;
  };

  Runner(const Plan& plan, const Folder& folder, const RunnerOptions& options, Events events);

  /// Returns when every run of the shard has ended or failed, or, once `stop` is set, when the
  /// running ones have published what they have. Error(io) at once where /proc or /dev is missing.
  Tally run(const std::atomic<bool>& stop);

  /// Whether a run could not be written, so that others were not begun.
  [[nodiscard]] bool output_failed() const { return output_failed_; }
  /// Whether the machine lacked what a run alone needs (threads, memory), so that others were not
  /// begun.
  [[nodiscard]] bool resources_failed() const { return resources_failed_; }

  /// Whether a run was interrupted since it had used the CPU time that a process may use: then all
  /// were, since each would be again.
  [[nodiscard]] bool out_of_cpu_time() const { return out_of_cpu_time_; }

 private:
  struct Running {
    std::size_t run;
    ChildProcess process;
  };

  void look();
  void start_next();
  void start_fewer(std::size_t run);
  void start(std::size_t run);
  void wait_for_news();
  void ended(Running&);
  void fail(std::size_t run, const std::string& message);
  void end_as(std::size_t run, RunState state);
  void look_elsewhere();

  const Plan& plan_;
  const Folder& folder_;
  RunnerOptions options_;
  std::size_t jobs_;  ///< at once: fewer than asked for where the machine lacks something
  Events events_;
  std::deque<std::size_t> waiting_;
  std::vector<Running> running_;
  std::vector<std::size_t> elsewhere_;
  std::set<std::size_t> refused_;  ///< found nobody to hold them after they were refused, once
  Clock::time_point next_look_{};
  Tally tally_;
  [[nodiscard]] bool given_up() const { return output_failed_ || resources_failed_; }

  bool output_failed_ = false;
  bool resources_failed_ = false;
  bool out_of_cpu_time_ = false;
};

}  // namespace icl::sweep
