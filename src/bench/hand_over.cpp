#include "icl/bench/hand_over.hpp"

#include <atomic>
#include <cstdint>

#include "icl/bench/spread.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/memory.hpp"

namespace icl::bench {
namespace {

constexpr std::int64_t some = 50;  // rounds that are timed together
constexpr std::int64_t rounds = 20 * some;
constexpr double most_seconds = 0.02;  // for all of them, and for all threads to wake

/// What the threads share: a number that goes round, and whether it still does.
struct alignas(cache_line_bytes) Ball {
  std::atomic<std::int64_t> at{0};
  std::atomic<bool> lost{false};
  Clock::time_point begin = Clock::now();

  /// Whether it came.
  bool wait_for(std::int64_t number) {
    constexpr int looks = 1000;  // between two of the clock
    while (!lost.load(std::memory_order_relaxed)) {
      for (int i = 0; i < looks; ++i) {
        if (at.load(std::memory_order_acquire) == number) return true;
      }
      if (seconds(Clock::now() - begin) > most_seconds) lost = true;
    }
    return false;
  }
  void hand_on(std::int64_t number) { at.store(number + 1, std::memory_order_release); }
};

}  // namespace

void HandOver::measure() {
  const std::int64_t threads = workers_.threads();
  if (threads < 2) return;
  Ball ball;
  // Each thread has one task, since none ends before the number has gone round.
  workers_.for_each(threads, [&](std::int64_t thread) {
    auto begin = Clock::now();
    for (std::int64_t r = 0; r <= rounds; ++r) {
      const std::int64_t number = r * threads + thread;
      if (!ball.wait_for(number)) return;
      if (thread == 0 && r % some == 0) {
        const auto end = Clock::now();
        // In the first of them threads woke up.
        if (r > some) {
          measured_.push_back(icl::seconds(end - begin) / static_cast<double>(some * threads));
        }
        begin = end;
      }
      ball.hand_on(number);
    }
  });
  measure_empty_loops();
}

void HandOver::measure_empty_loops() {
  const auto start = Clock::now();
  auto begin = start;
  for (std::int64_t r = 0; r < rounds && icl::seconds(begin - start) < most_seconds; r += some) {
    for (std::int64_t i = 0; i < some; ++i) workers_.for_each(workers_.threads(), [](auto) {});
    const auto end = Clock::now();
    empty_loops_.push_back(icl::seconds(end - begin) / static_cast<double>(some));
    begin = end;
  }
}

double HandOver::seconds() const { return spread(measured_).median; }

double HandOver::empty_loop_seconds() const { return spread(empty_loops_).median; }

}  // namespace icl::bench
