#include "icl/core/parallel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <xmmintrin.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
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

// Many short loops in a row, of all widths: no task is lost, done twice, or taken from another
// loop.
TEST(Workers, KeepJobsApart) {
  constexpr int loops = 20000;
  std::array<std::atomic<int>, 7> sums{};
  for (int loop = 0; loop < loops; ++loop) {
    const int tasks = 2 + loop % 6;
    std::array<int, 7> done{};
    Workers(2 + loop % 3).for_each(tasks, [&](std::int64_t i) {
      ++done[static_cast<std::size_t>(i)];
      sums[static_cast<std::size_t>(i)].fetch_add(loop, std::memory_order_relaxed);
    });
    for (int i = 0; i < tasks; ++i) ASSERT_EQ(done[static_cast<std::size_t>(i)], 1) << loop;
  }
  std::array<int, 7> expected{};
  for (int loop = 0; loop < loops; ++loop) {
    for (int i = 0; i < 2 + loop % 6; ++i) expected[static_cast<std::size_t>(i)] += loop;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(sums[i], expected[i]);
}

// A thread that sleeps, as between two loops, is woken; and the caller sleeps while others work.
TEST(Workers, WakeAndWait) {
  for (int loop = 0; loop < 20; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> done{0};
    Workers(3).for_each(3, [&](std::int64_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++done;
    });
    EXPECT_EQ(done, 3);
  }
}

/// Processor time that this process has used, in seconds.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Whatever OMP_WAIT_POLICY says: half a second in which there is no work costs next to nothing.
TEST(Workers, SleepWhenThereIsNoWork) {
  const Workers workers(4);
  workers.for_each(8, [](std::int64_t) {});
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(cpu_seconds() - before, 0.05);
}

TEST(Workers, DoALoopWithinATaskAlone) {
  std::array<std::atomic<int>, 8> done{};
  const Workers workers(2);
  workers.for_each(2, [&](std::int64_t i) {
    const auto caller = std::this_thread::get_id();
    workers.for_each(4, [&](std::int64_t j) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      ++done[static_cast<std::size_t>(4 * i + j)];
    });
  });
  for (const auto& count : done) EXPECT_EQ(count, 1);
}

TEST(Workers, OfTwoCallersAtOnceEachGetsAllDone) {
  std::array<std::atomic<int>, 2> done{};
  const auto call = [&](std::size_t who) {
    for (int loop = 0; loop < 200; ++loop) {
      Workers(2).for_each(10, [&](std::int64_t) { ++done[who]; });
    }
  };
  std::thread other([&] { call(1); });
  call(0);
  other.join();
  EXPECT_EQ(done[0], 2000);
  EXPECT_EQ(done[1], 2000);
}

TEST(InterruptibleWorkers, BeginNoTaskOnceToldToStop) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<bool> stop{false};
    std::atomic<int> begun{0};
    const Workers workers = Workers(threads).interruptible(stop);
    EXPECT_THROW(workers.for_each(1000,
                                  [&](std::int64_t) {
                                    if (++begun == 10) stop = true;
                                  }),
                 Interrupted);
    EXPECT_LT(begun, 10 + threads);
    EXPECT_THROW(workers.for_each(1, [&](std::int64_t) { ++begun; }), Interrupted);
    EXPECT_THROW(workers.with_threads(1).check_interrupt(), Interrupted);
    EXPECT_LT(begun, 10 + threads);
    Workers(threads).for_each(5, [&](std::int64_t) { ++begun; });  // others do not care
    EXPECT_GE(begun, 15);
  }
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
