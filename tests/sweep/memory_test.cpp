#include "icl/sweep/memory.hpp"

#include <gtest/gtest.h>

#include "icl/run/footprint.hpp"

namespace icl::sweep {
namespace {

MemoryBound shared(double left) { return {"this machine", 1e12, left, true}; }
MemoryBound own(double left) { return {"the address space", 1e12, left, false}; }

TEST(JobsThatFit, AreLimitedByTheLargestRunsTogether) {
  const std::vector<double> bytes{1, 5, 2, 4};
  EXPECT_EQ(jobs_that_fit(bytes, 4, {}), 4);
  EXPECT_EQ(jobs_that_fit(bytes, 4, {shared(12)}), 4);
  EXPECT_EQ(jobs_that_fit(bytes, 4, {shared(11.5)}), 3);
  EXPECT_EQ(jobs_that_fit(bytes, 4, {shared(8)}), 1);
  EXPECT_EQ(jobs_that_fit(bytes, 4, {shared(4.9)}), 0);
  EXPECT_EQ(jobs_that_fit(bytes, 2, {shared(100)}), 2);
  EXPECT_EQ(jobs_that_fit(bytes, 9, {shared(12)}), 9) << "more jobs than runs";
  EXPECT_EQ(jobs_that_fit(bytes, 4, {shared(12), shared(9.5)}), 2);
  EXPECT_EQ(jobs_that_fit({}, 3, {shared(0)}), 3);
}

TEST(JobsThatFit, EachProcessHasALimitOfItsOwn) {
  const std::vector<double> bytes{5, 5, 5};
  EXPECT_EQ(jobs_that_fit(bytes, 3, {own(5)}), 3);
  EXPECT_EQ(jobs_that_fit(bytes, 3, {own(4)}), 0);
  EXPECT_EQ(jobs_that_fit(bytes, 3, {own(5), shared(10)}), 2);
}

TEST(MemoryAtOnce, IsThatOfTheLargestRuns) {
  EXPECT_EQ(memory_at_once({1, 5, 2}, 2), 7);
  EXPECT_EQ(memory_at_once({1, 5, 2}, 8), 8);
}

TEST(MemoryOf, IsThatOfEachRun) {
  config::Sweep sweep;
  sweep.seeds = {0, 1};
  sweep.base.data.K = 1000;
  const Plan plan(sweep);
  const auto runs = plan.shard({});
  const auto bytes = memory_of(plan, runs, 1);
  ASSERT_EQ(bytes.size(), 2U);
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_EQ(bytes[0], run::bytes_of(run::footprint_of_training(plan.config(0), 1)));
}

}  // namespace
}  // namespace icl::sweep
