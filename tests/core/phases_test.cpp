#include "icl/core/phases.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "icl/core/parallel.hpp"

namespace icl {
namespace {

using std::chrono::milliseconds;

void work(milliseconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

TEST(Phases, HaveNamesOfTheirOwn) {
  EXPECT_EQ(std::set(phase_names.begin(), phase_names.end()).size(), phase_count);
  EXPECT_FALSE(phase_names.back().empty());
}

TEST(PhaseScope, TakesTheTimeOfInnerScopesFromTheOuter) {
  PhaseTimes times;
  const auto begin = Clock::now();
  {
    const PhaseScope outer(&times, Phase::mlp_gemm);
    work(milliseconds(4));
    {
      const PhaseScope inner(&times, Phase::update);
      work(milliseconds(8));
      const PhaseScope innermost(&times, Phase::elementwise);
      work(milliseconds(2));
    }
  }
  const std::chrono::duration<double> all = Clock::now() - begin;
  const PhaseSeconds s = times.seconds();
  EXPECT_GE(s[Phase::mlp_gemm], 0.004);
  EXPECT_GE(s[Phase::update], 0.008);
  EXPECT_GE(s[Phase::elementwise], 0.002);
  // Nothing is counted twice.
  EXPECT_LE(s[Phase::mlp_gemm] + s[Phase::update] + s[Phase::elementwise], all.count());
  EXPECT_EQ(s[Phase::sampling], 0);
}

TEST(PhaseScope, AddsUpOverThreads) {
  PhaseTimes times;
  const Workers workers(2, &times);
  workers.for_each(6, [&](std::int64_t) {
    const auto time = workers.measure(Phase::sampling);
    work(milliseconds(1));
  });
  EXPECT_GE(times.seconds()[Phase::sampling], 0.006);
}

TEST(PhaseTimes, CountsLoopsThatThreadsShare) {
  PhaseTimes times;
  const Workers two(2, &times);
  const auto nothing = [](std::int64_t) {};
  two.for_each(1, nothing);  // nothing to share
  two.unmeasured().for_each(2, nothing);
  Workers(1, &times).for_each(2, nothing);
  EXPECT_EQ(times.shared_loops(), 0);
  two.for_each(2, [&](std::int64_t) { two.for_each(2, nothing); });  // the inner ones are not
  two.for_tiles(30, 10, [](Tile) {});
  EXPECT_EQ(times.shared_loops(), 2);
}

TEST(PhaseScope, WithoutTimesDoesNothing) {
  PhaseTimes times;
  const Workers workers = Workers(2, &times).unmeasured();
  EXPECT_EQ(workers.threads(), 2);
  {
    const PhaseScope outer(&times, Phase::evaluation);
    const auto time = workers.measure(Phase::sampling);
    work(milliseconds(2));
  }
  EXPECT_EQ(times.seconds()[Phase::sampling], 0);
  EXPECT_GE(times.seconds()[Phase::evaluation], 0.002);
}

}  // namespace
}  // namespace icl
