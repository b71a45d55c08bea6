#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>

#include "icl/core/phases.hpp"

namespace icl {

/// The rows (or columns, or sequences) first, ..., first + count - 1.
struct Tile {
  std::int64_t first, count;
  [[nodiscard]] std::int64_t end() const { return first + count; }
};

/// The threads of one run. Work is cut in tasks whose number and extent never depend on the number
/// of threads, and no two tasks write to the same place: so any number of threads gives equal bits.
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
  [[nodiscard]] Workers unmeasured() const { return Workers(threads_); }

  /// The calling thread alone, measuring as these do: for calls from within a task.
  [[nodiscard]] Workers alone() const { return Workers(1, times_); }

  /// Calls task(i) once for each i in [0, tasks), on all threads, and waits for all of them. The
  /// task must not throw. Starting costs no allocation and, on warm threads, about a microsecond.
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
  void run(std::int64_t tasks, void (*call)(const void*, std::int64_t), const void* context) const;

  int threads_;
  PhaseTimes* times_;
};

/// Throws Error(ExitCode::internal) unless the CPU has what this program is compiled for: AVX2,
/// FMA.
void require_cpu();

/// Number of CPUs that this process may run on (its affinity, which Slurm and taskset set).
[[nodiscard]] int available_cpus();

/// OpenMP code of other libraries, where it does not say how many threads it wants, gets one when
/// called from this thread. Workers are not concerned.
void keep_others_to_one_thread();

/// "OpenMP 201511" and the like: the version of the standard that the runtime was built for.
[[nodiscard]] std::string openmp_version();

/// Sets denormals and rounding of the calling thread to the IEEE defaults: a library linked with
/// -ffast-math changes them for the whole process. Threads started later inherit the setting.
void use_ieee_arithmetic();

}  // namespace icl
