#include "icl/core/parallel.hpp"

#include <immintrin.h>
#include <omp.h>
#include <sched.h>
#include <xmmintrin.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <vector>

#include "icl/core/clock.hpp"
#include "icl/core/error.hpp"
#include "icl/core/isa.hpp"
#include "team.hpp"

namespace icl {
namespace {

/// How long a thread looks for work before it sleeps: longer than the caller is alone between two
/// loops of a step, much shorter than a neighbour's turn on a core.
constexpr std::chrono::microseconds patience{50};

/// Looks until ready() for as long as patience lasts; whether it is.
template <class Ready>
bool spin(const Ready& ready) {
  constexpr int looks = 64;  // between two of the clock
  const auto end = Clock::now() + patience;
  do {
    for (int i = 0; i < looks; ++i) {
      if (ready()) return true;
      _mm_pause();
    }
  } while (Clock::now() < end);
  return false;
}

/// Where OMP_PROC_BIND or OMP_PLACES bind threads, OpenMP has bound the one that it knew first to
/// the first place, and those that this one starts would share it: thread `id` goes to its own.
void bind_to_place(int id) {
  const int places = omp_get_num_places();
  if (places == 0) return;
  const int place = id % places;
  std::vector<int> cpus(static_cast<std::size_t>(omp_get_place_num_procs(place)));
  omp_get_place_proc_ids(place, cpus.data());
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<unsigned>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);  // where it is refused, the thread runs where it may
}

thread_local bool in_task = false;

}  // namespace

Team& Team::instance() {
  static Team team;
  return team;
}

void Team::grow(int threads) {
  if (threads - 1 <= helpers_) return;
  end();
  begin(threads - 1);
}

void Team::begin(int helpers) {
  host_ = std::thread([this, helpers, epoch = ring_.load()] {
  // How many threads OpenMP gives (OMP_THREAD_LIMIT, OMP_DYNAMIC) is its affair.
#pragma omp parallel num_threads(helpers)
    serve(omp_get_thread_num() + 1, epoch);
  });
  helpers_ = helpers;
}

void Team::end() {
  if (!host_.joinable()) return;
  leaving_ = true;
  ++ring_;
  ring_.notify_all();
  host_.join();
  leaving_ = false;
  helpers_ = 0;
}

void Team::serve(int id, std::uint32_t epoch) {
  use_ieee_arithmetic();
  bind_to_place(id);
  for (;;) {
    epoch = wait_for_ring(epoch);
    if (leaving_) return;
    work(id);
  }
}

std::uint32_t Team::wait_for_ring(std::uint32_t seen) {
  if (!spin([&] { return ring_.load(std::memory_order_acquire) != seen; })) {
    ++sleepers_;  // before the last look at the ring, as run() rings before it looks for sleepers
    ring_.wait(seen);
    --sleepers_;
  }
  return ring_;
}

void Team::wait_until_done(std::uint32_t tasks) {
  if (spin([&] { return done_.load(std::memory_order_acquire) == tasks; })) return;
  caller_sleeps_ = true;
  for (std::uint32_t done = done_; done != tasks; done = done_) done_.wait(done);
  caller_sleeps_ = false;
}

bool Team::run(const Job& job, int width) {
  if (job.tasks > most_tasks || at_work_.exchange(true)) return false;
  try {
    grow(width);
  } catch (const std::system_error&) {
    at_work_ = false;
    return false;
  }
  open(job, width);
  work(0);
  wait_until_done(static_cast<std::uint32_t>(job.tasks));
  at_work_ = false;
  return true;
}

void Team::open(const Job& job, int width) {
  constexpr auto release = std::memory_order_release;
  for (List& list : lists_) list.next.store(closed, release);
  call_.store(job.call, release);
  context_.store(job.context, release);
  stop_.store(job.stop, release);
  tasks_.store(job.tasks, release);
  width_.store(width, release);
  done_.store(0, release);
  const std::uint32_t epoch = ring_ + 1;
  for (int w = 0; w < width; ++w) {
    lists_[static_cast<std::size_t>(w)].next.store(std::uint64_t{epoch} << 32U, release);
  }
  ring_ = epoch;
  if (sleepers_ > 0) ring_.notify_all();
}

void Team::work(int id) {
  const int width = width_.load(std::memory_order_acquire);
  if (id >= width) return;
  for (int i = 0; i < width; ++i) drain((id + i) % width, width);
}

/// Takes what is left of a list. A field read here may be of a later job than `next`. But the
/// caller wrote it after it had closed the list, so the compare-and-swap, which comes after the
/// read, then finds the list changed and fails. (Nor does a list that is closed have a task.)
void Team::drain(int list, int width) {
  constexpr auto acquire = std::memory_order_acquire;
  std::atomic<std::uint64_t>& head = lists_[static_cast<std::size_t>(list)].next;
  std::uint64_t next = head.load(acquire);
  for (;;) {
    const auto index = static_cast<std::int64_t>(next & UINT32_MAX);
    const std::int64_t task = list + index * width;
    const std::int64_t tasks = tasks_.load(acquire);
    auto* const call = call_.load(acquire);
    const void* const context = context_.load(acquire);
    const std::atomic<bool>* const stop = stop_.load(acquire);
    if (task >= tasks || width_.load(acquire) != width) return;
    if (!head.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel, acquire)) continue;
    if (stop == nullptr || !stop->load(std::memory_order_relaxed)) {
      in_task = true;
      call(context, task);
      in_task = false;
    }
    if (++done_ == static_cast<std::uint32_t>(tasks) && caller_sleeps_) done_.notify_one();
    ++next;
  }
}

void Workers::run(std::int64_t tasks, void (*call)(const void*, std::int64_t),
                  const void* context) const {
  check_interrupt();
  const Job job{call, context, tasks, stop_};
  const bool several = threads_ > 1 && tasks > 1 && !in_task;
  if (several && Team::instance().run(job, threads_)) {
    if (times_ != nullptr) times_->add_shared_loop();
  } else {
    for (std::int64_t i = 0; i < tasks && !stopping(); ++i) call(context, i);
  }
  check_interrupt();
}

void start_threads(int threads) {
  const auto refuse = [&](int started) {
    throw Error(ExitCode::resources,
                "cannot start " + std::to_string(threads) + " threads: after " +
                    std::to_string(started) +
                    " the system gives no more (see `ulimit -u` and the cgroup's pids.max); "
                    "--threads 1 needs none");
  };
  // OpenMP's runtime ends the process when it cannot start a thread: so all are tried before.
  std::mutex mutex;
  std::condition_variable end;
  bool ended = false;
  std::vector<std::thread> tried;
  bool all = true;
  try {
    for (int i = 1; i < threads; ++i) {
      tried.emplace_back([&] {
        std::unique_lock guard(mutex);
        end.wait(guard, [&] { return ended; });
      });
    }
  } catch (const std::system_error&) {
    all = false;
  }
  {
    const std::scoped_lock guard(mutex);
    ended = true;
  }
  end.notify_all();
  for (std::thread& thread : tried) thread.join();
  if (!all) refuse(static_cast<int>(tried.size()) + 1);
  try {
    if (threads > 1) Team::instance().grow(threads);
  } catch (const std::system_error&) {
    refuse(1);
  }
}

void require_cpu() {
  if (!cpu_has(Isa::avx2)) {
    throw Error(ExitCode::internal, "this program needs a CPU with AVX2 and FMA (x86-64-v3)");
  }
}

// Not by sched_getaffinity: with OMP_PROC_BIND the runtime has bound this thread to one CPU.
int available_cpus() { return omp_get_num_procs(); }

void keep_others_to_one_thread() { omp_set_num_threads(1); }

std::string openmp_version() { return "OpenMP " + std::to_string(_OPENMP); }

void use_ieee_arithmetic() {
  constexpr unsigned int default_control = 0x1f80;  // all exceptions masked, round to nearest
  _mm_setcsr(default_control);
}

}  // namespace icl
