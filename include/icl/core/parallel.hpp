#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>

#include "icl/core/phases.hpp"

namespace icl {

/// The rows (or columns, or sequences) first, ..., first + count - 1.
struct Tile {
  std::int64_t first, count;
  [[nodiscard]] std::int64_t end() const { return first + count; }
};

/// Thrown by Workers::for_each of interruptible() workers that were asked to stop: what their tasks
/// were to compute is not whole.
class Interrupted : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

/// The threads of one run. Work is cut in tasks whose number and extent never depend on the number
/// of threads, and no two tasks write to the same place: so any number of threads gives equal bits.
///
/// The caller is one of them. The others are OpenMP's, one team for the whole process that is
/// started when it is first needed: between calls its threads look for work for some microseconds
/// and then sleep, whatever OMP_WAIT_POLICY says. A thread that has no core takes no task, and what
/// it would have done others do: only a task in the middle of which it lost its core is waited for.
class Workers {
 public:
  /// OpenBLAS's openmp build crashes above this many calling threads in one process.
  static constexpr int max_threads = 64;

  /// 1 <= threads <= max_threads. With `times`, what is measured is added to it.
  explicit Workers(int threads, PhaseTimes* times = nullptr) : threads_(threads), times_(times) {}

  [[nodiscard]] int threads() const { return threads_; }

  /// Counts the time until the end of the scope as that phase's: const auto time = measure(...).
  [[nodiscard]] PhaseScope measure(Phase phase) const { return {times_, phase}; }
  /// The same threads, measuring nothing.
  [[nodiscard]] Workers unmeasured() const { return {threads_, nullptr, stop_}; }

  /// So many of these threads.
  [[nodiscard]] Workers with_threads(int threads) const { return {threads, times_, stop_}; }
  /// The calling thread alone, measuring as these do: for calls from within a task.
  [[nodiscard]] Workers alone() const { return {1, times_, nullptr}; }
  /// These, but once `stop` is set their for_each begins no further task and throws Interrupted:
  /// for work that may take long and can be thrown away. `stop` outlives them.
  [[nodiscard]] Workers interruptible(const std::atomic<bool>& stop) const {
    return {threads_, times_, &stop};
  }
  /// Throws Interrupted if these are interruptible and asked to stop: for loops of the caller.
  void check_interrupt() const {
    if (stopping()) throw Interrupted();
  }

  /// Calls task(i) once for each i in [0, tasks), on all threads, and waits for all of them. The
  /// task must not throw. Starting costs no allocation and, on threads that are awake, about a
  /// microsecond. From within a task, or while another thread is in for_each, the caller does all.
  template <class Task>
  void for_each(std::int64_t tasks, const Task& task) const {
    run(
        tasks, [](const void* context, std::int64_t i) { (*static_cast<const Task*>(context))(i); },
        &task);
  }

  /// Cuts 0, ..., all - 1 in tiles of `extent` (the last may be smaller) and calls task(tile) once
  /// for each, as for_each does.
  template <class Task>
  void for_tiles(std::int64_t all, std::int64_t extent, const Task& task) const {
    for_each((all + extent - 1) / extent, [&](std::int64_t t) {
      const std::int64_t first = t * extent;
      task(Tile{first, std::min(extent, all - first)});
    });
  }

 private:
  Workers(int threads, PhaseTimes* times, const std::atomic<bool>* stop)
      : threads_(threads), times_(times), stop_(stop) {}

  void run(std::int64_t tasks, void (*call)(const void*, std::int64_t), const void* context) const;
  [[nodiscard]] bool stopping() const {
    return stop_ != nullptr && stop_->load(std::memory_order_relaxed);
  }

  int threads_;
  PhaseTimes* times_;
  const std::atomic<bool>* stop_ = nullptr;
};

/// Starts as many threads as Workers(threads) will need, so that no later call does. Throws
/// Error(ExitCode::resources) if the machine does not let it (where OpenMP's runtime, on its own,
/// would end the process).
void start_threads(int threads);

/// Throws Error(ExitCode::internal) unless the CPU has what this program is compiled for: AVX2,
/// FMA.
void require_cpu();

/// Number of CPUs that this process may run on (its affinity, which Slurm and taskset set).
[[nodiscard]] int available_cpus();

/// OpenMP code of other libraries, where it does not say how many threads it wants, gets one when
/// called from this thread. Workers are not concerned. Costs some nanoseconds.
void keep_others_to_one_thread();

/// "OpenMP 201511" and the like: the version of the standard that the runtime was built for.
[[nodiscard]] std::string openmp_version();

/// Sets denormals and rounding of the calling thread to the IEEE defaults: a library linked with
/// -ffast-math changes them for the whole process. Threads of Workers have them.
void use_ieee_arithmetic();

}  // namespace icl
