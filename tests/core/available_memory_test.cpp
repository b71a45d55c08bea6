#include "icl/core/available_memory.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

namespace icl {
namespace {

const std::string meminfo =
    "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:    5000000 kB\n";
const std::string statm = "1000 300 100 7 0 400 0\n";

TEST(MemoryBounds, NothingKnownIsNoBound) {
  EXPECT_TRUE(memory_bounds(MemorySources{}).empty());
  MemorySources odd;
  odd.meminfo = "MemAvailable: lots\n\n:";
  odd.statm = "x";
  EXPECT_TRUE(memory_bounds(odd).empty());
}

TEST(MemoryBounds, TheMachineHasWhatIsAvailable) {
  MemorySources sources;
  sources.meminfo = meminfo;
  const auto bounds = memory_bounds(sources);
  ASSERT_EQ(bounds.size(), 1U);
  EXPECT_EQ(bounds[0].limit, 8000000.0 * 1024);
  EXPECT_EQ(bounds[0].left, 5000000.0 * 1024);
}

TEST(MemoryBounds, TheNarrowestComesFirst) {
  MemorySources sources{.meminfo = meminfo,
                        .statm = statm,
                        .page_bytes = 4096,
                        .group = cgroup::Memory{.limit = 3000000000, .in_use = 1000000000},
                        .address_space = 2e9,
                        .data = 1e6};
  auto bounds = memory_bounds(sources);
  ASSERT_EQ(bounds.size(), 4U);
  EXPECT_THAT(bounds[0].owner, testing::HasSubstr("ulimit -d"));
  EXPECT_EQ(bounds[0].left, 0) << "1e6 bytes, 400 pages in use";
  EXPECT_THAT(bounds[1].owner, testing::HasSubstr("ulimit -v"));
  EXPECT_EQ(bounds[1].left, 2e9 - 1000 * 4096.0);
  EXPECT_THAT(bounds[2].owner, testing::HasSubstr("control group"));
  EXPECT_EQ(bounds[2].left, 2e9);
  EXPECT_THAT(bounds[3].owner, testing::HasSubstr("machine"));
  sources.data.reset();
  sources.statm.clear();
  EXPECT_EQ(memory_bounds(sources)[0].left, 2e9) << "without /proc nothing counts as in use";
}

TEST(MemoryBounds, SeeTheLimitsOfThisProcess) {
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit narrow = before;
  narrow.rlim_cur = rlim_t{1} << 60U;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &narrow), 0);
  const MemorySources sources = memory_sources();
  setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(sources.address_space, 0x1p60);
  EXPECT_THAT(sources.meminfo, testing::HasSubstr("MemAvailable"));
  EXPECT_FALSE(sources.statm.empty());
  EXPECT_GE(sources.page_bytes, 4096);
}

TEST(BytesText, HasTwoOrThreeDigits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1234), "1.2 kB");
  EXPECT_EQ(bytes_text(9960), "10 kB");
  EXPECT_EQ(bytes_text(999600), "1.0 MB");
  EXPECT_EQ(bytes_text(5.4e9), "5.4 GB");
  EXPECT_EQ(bytes_text(1.7e13), "17 TB");
  EXPECT_EQ(bytes_text(1e25), "10000000 EB");
}

}  // namespace
}  // namespace icl
