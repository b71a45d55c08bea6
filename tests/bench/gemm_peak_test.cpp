#include "icl/bench/gemm_peak.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/blas.hpp"

namespace icl::bench {
namespace {

TEST(GemmPeak, IsTheHighestMedian) {
  GemmPeak peak((Workers(1)));
  ASSERT_GE(peak.rates().size(), 3U);
  EXPECT_EQ(peak.peak("OpenBLAS"), 0);
  constexpr std::size_t times = 3;
  for (std::size_t i = 0; i < times; ++i) peak.measure();
  double highest = 0;
  for (const GemmRate& rate : peak.rates()) {
    ASSERT_EQ(rate.gflops.size(), times);
    EXPECT_GT(rate.median(), 0.1) << rate.library;
    auto measured = rate.gflops;
    std::ranges::sort(measured);
    EXPECT_EQ(rate.median(), measured[1]);
    if (rate.library == "OpenBLAS") highest = std::max(highest, measured[1]);
  }
  EXPECT_EQ(peak.peak("OpenBLAS"), highest);
  EXPECT_EQ(peak.peak("no such library"), 0);
}

}  // namespace
}  // namespace icl::bench
