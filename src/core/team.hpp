#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include "icl/core/memory.hpp"
#include "icl/core/parallel.hpp"

/// The threads behind Workers. Private to src/core.
namespace icl {

/// What is to be done: call(context, i) for i in [0, tasks), unless stop is set.
struct Job {
  void (*call)(const void*, std::int64_t) = nullptr;
  const void* context = nullptr;
  std::int64_t tasks = 0;
  const std::atomic<bool>* stop = nullptr;
};

/// One team of OpenMP threads for the process, in one parallel region that lasts as long as the
/// team: a thread of ours opens it, so that the caller of run() is outside and waits for nobody but
/// those in the middle of a task.
///
/// How a job goes round. Task i belongs to list i mod width, and thread w takes its own list first
/// (so that from step to step it finds the same weights in its cache), then what is left of others.
/// A list is one number, (epoch, next), and taking a task is to raise it by compare-and-swap, so a
/// thread that slept through a job can take nothing of the next one by mistake. The caller closes
/// all lists, writes the job's fields, opens the lists at next = 0 under a new epoch, and rings.
/// While a task of an epoch is not done its fields do not change; that a thread read the fields of
/// the epoch whose task it took follows from the order close, fields, open (see drain()).
class Team {
 public:
  ~Team() { end(); }

  /// The process's team.
  static Team& instance();

  /// Has at least threads - 1 threads beside the caller. Throws std::system_error where a thread
  /// cannot be started. Not while a job runs.
  void grow(int threads);

  /// Does the job with `width` threads, 2 <= width <= Workers::max_threads, and returns true when
  /// all its tasks are done; false, having done nothing, if the team is at work already, cannot be
  /// had, or has no numbers for so many tasks.
  bool run(const Job&, int width);

 private:
  struct alignas(cache_line_bytes) List {
    std::atomic<std::uint64_t> next{closed};
  };
  static constexpr std::uint64_t closed = UINT32_MAX;
  static constexpr std::int64_t most_tasks = INT32_MAX;

  void begin(int helpers);
  void end();
  void serve(int id, std::uint32_t epoch);
  void work(int id);
  void drain(int list, int width);
  void open(const Job&, int width);
  [[nodiscard]] std::uint32_t wait_for_ring(std::uint32_t seen);
  void wait_until_done(std::uint32_t tasks);

  std::thread host_;  ///< opens the parallel region and is one of its threads
  int helpers_ = 0;
  std::atomic<bool> at_work_{false};
  std::atomic<bool> leaving_{false};

  // The job, each field written in release and read in acquire order.
  std::atomic<void (*)(const void*, std::int64_t)> call_{nullptr};
  std::atomic<const void*> context_{nullptr};
  std::atomic<const std::atomic<bool>*> stop_{nullptr};
  std::atomic<std::int64_t> tasks_{0};
  std::atomic<int> width_{0};

  std::array<List, Workers::max_threads> lists_;
  alignas(cache_line_bytes) std::atomic<std::uint32_t> ring_{0};  ///< the epoch; waited for
  std::atomic<std::uint32_t> sleepers_{0};
  alignas(cache_line_bytes) std::atomic<std::uint32_t> done_{0};  ///< tasks of this epoch
  std::atomic<bool> caller_sleeps_{false};
};

}  // namespace icl
