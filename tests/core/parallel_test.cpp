#include "icl/core/parallel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <xmmintrin.h>

#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <set>
#include <thread>
#include <vector>

namespace icl {
namespace {

constexpr std::array worker_counts{1, 2, 3, 4, 8, 17, Workers::max_threads};

TEST(Workers, DoEveryTaskExactlyOnceAndAreDoneThen) {
  for (const int threads : worker_counts) {
    const Workers workers(threads);
    EXPECT_EQ(workers.threads(), threads);
    for (const std::int64_t tasks : {0, 1, 2, 3, 7, 8, 16, 63, 64, 65, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(tasks));
      workers.for_each(tasks, [&](std::int64_t i) { ++done[static_cast<std::size_t>(i)]; });
      for (const auto& count : done) ASSERT_EQ(count, 1) << threads << " threads, " << tasks;
    }
  }
}

// Each of four tasks waits until all have begun: one thread could not do it.
TEST(Workers, RunAtTheSameTime) {
  std::atomic<int> begun{0};
  std::array<bool, 4> met{};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Workers(4).for_each(4, [&](std::int64_t i) {
    ++begun;
    while (begun < 4 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    met[static_cast<std::size_t>(i)] = begun == 4;
  });
  EXPECT_THAT(met, testing::Each(true));
}

TEST(Workers, WithOneThreadIsTheCaller) {
  std::set<std::thread::id> threads;
  Workers(1).for_each(10, [&](std::int64_t) { threads.insert(std::this_thread::get_id()); });
  EXPECT_THAT(threads, testing::ElementsAre(std::this_thread::get_id()));
}

TEST(AvailableCpus, AreThoseOfTheAffinity) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  EXPECT_EQ(available_cpus(), CPU_COUNT(&all));
}

TEST(OpenMpVersion, IsADate) {
  EXPECT_THAT(openmp_version(), testing::MatchesRegex("OpenMP 20[0-9][0-9][0-9][0-9]"));
}

/// Whether the calling thread keeps denormal results.
bool keeps_denormals() {
  volatile float smallest = std::numeric_limits<float>::min();
  volatile float half = smallest * 0.5F;
  return half != 0.0F;
}

/// The same of new worker threads: those of a thread that has none yet.
std::array<bool, 4> workers_keep_denormals() {
  std::array<bool, 4> keep{};
  Workers(4).for_each(
      4, [&](std::int64_t i) { keep[static_cast<std::size_t>(i)] = keeps_denormals(); });
  return keep;
}

/// As a library linked with -ffast-math leaves a thread.
void flush_to_zero() {
  constexpr unsigned int flush_and_denormals_are_zero = 0x8040;
  _mm_setcsr(_mm_getcsr() | flush_and_denormals_are_zero);
}

TEST(IeeeArithmetic, IsRestoredForThisThreadAndThoseItStarts) {
  std::thread([] {
    flush_to_zero();
    EXPECT_FALSE(keeps_denormals());
    use_ieee_arithmetic();
    EXPECT_TRUE(keeps_denormals());
    EXPECT_THAT(workers_keep_denormals(), testing::Each(true));
  }).join();
}

TEST(IeeeArithmetic, RoundsToNearest) {
  const unsigned int before = _mm_getcsr();
  _MM_SET_ROUNDING_MODE(_MM_ROUND_UP);
  volatile float one = 1.0F;
  volatile float tiny = 1e-12F;
  EXPECT_GT(one + tiny, 1.0F);
  use_ieee_arithmetic();
  EXPECT_EQ(one + tiny, 1.0F);
  _mm_setcsr(before);
}

}  // namespace
}  // namespace icl
