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
constexpr double patience_seconds = 0.02;  // for the other thread to wake, and for each answer

/// What the two threads share: whose turn it is. Number 2r is the first thread's round r.
struct alignas(cache_line_bytes) Turn {
  std::atomic<std::int64_t> at{0};
  std::atomic<bool> given_up{false};

  /// Whether it came.
  bool wait_for(std::int64_t number) {
    constexpr int looks = 1000;  // between two of the clock
    const auto begin = Clock::now();
    while (!given_up.load(std::memory_order_relaxed)) {
      for (int i = 0; i < looks; ++i) {
        if (at.load(std::memory_order_acquire) == number) return true;
      }
      if (seconds(Clock::now() - begin) > patience_seconds) given_up = true;
    }
    return false;
  }
  void hand_over(std::int64_t number) { at.store(number, std::memory_order_release); }
};

}  // namespace

void HandOver::measure() {
  if (workers_.threads() < 2) return;
  Turn turn;
  workers_.for_each(2, [&](std::int64_t thread) {
    if (thread == 1) {
      for (std::int64_t r = 0; r <= rounds && turn.wait_for(2 * r + 1); ++r) {
        turn.hand_over(2 * r + 2);
      }
      return;
    }
    turn.hand_over(1);
    if (!turn.wait_for(2)) return;  // it is awake now
    auto begin = Clock::now();
    for (std::int64_t r = 1; r <= rounds; ++r) {
      turn.hand_over(2 * r + 1);
      if (!turn.wait_for(2 * r + 2)) return;
      if (r % some != 0) continue;
      const auto end = Clock::now();
      measured_.push_back(icl::seconds(end - begin) / (2.0 * static_cast<double>(some)));
      begin = end;
    }
  });
}

double HandOver::seconds() const { return spread(measured_).median; }

}  // namespace icl::bench
