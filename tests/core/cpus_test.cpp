#include "icl/core/cpus.hpp"

#include <gtest/gtest.h>

#include "icl/core/parallel.hpp"

namespace icl {
namespace {

TEST(CpuLimits, HaveTheAffinity) { EXPECT_EQ(cpu_limits().affinity, available_cpus()); }

TEST(ChooseThreads, TakesTheLeastOfAllLimits) {
  const auto choose = [](const CpuLimits& limits) {
    const ThreadChoice choice = choose_threads(limits);
    return std::to_string(choice.threads) + ": " + choice.reason;
  };
  EXPECT_EQ(choose({.affinity = 8}), "8: the CPUs in the affinity");
  EXPECT_EQ(choose({.affinity = 8, .quota = 2.9}), "2: the cgroup's CPU quota");
  EXPECT_EQ(choose({.affinity = 2, .quota = 0.5}), "1: the cgroup's CPU quota");
  EXPECT_EQ(choose({.affinity = 2, .quota = 4.0}), "2: the CPUs in the affinity");
  EXPECT_EQ(choose({.affinity = 2, .quota = 1e18}), "2: the CPUs in the affinity");
  EXPECT_EQ(choose({.affinity = 8, .omp_num_threads = "4,2"}), "4: OMP_NUM_THREADS");
  EXPECT_EQ(choose({.affinity = 8, .omp_num_threads = " 3 "}), "3: OMP_NUM_THREADS");
  EXPECT_EQ(choose({.affinity = 8, .omp_num_threads = "12"}), "8: the CPUs in the affinity");
  EXPECT_EQ(choose({.affinity = 8, .omp_num_threads = "4", .omp_thread_limit = "3"}),
            "3: OMP_THREAD_LIMIT");
  EXPECT_EQ(choose({.affinity = 8, .quota = 4, .slurm_cpus_per_task = "2"}),
            "2: SLURM_CPUS_PER_TASK");
  EXPECT_EQ(choose({.affinity = 256}), "64: the most that icl uses");
}

TEST(ChooseThreads, IgnoresWhatIsNoNumber) {
  for (const char* text :
       {"", " ", "0", "-2", "four", "1x", "1.5", "99999999999999999999", ",2", "\xff"}) {
    EXPECT_EQ(choose_threads({.affinity = 4, .omp_num_threads = text}).threads, 4) << text;
    EXPECT_EQ(choose_threads({.affinity = 4, .slurm_cpus_per_task = text}).threads, 4) << text;
  }
}

}  // namespace
}  // namespace icl
