#include "icl/bench/gemm_peak.hpp"

#include <gtest/gtest.h>

#include "support/blas.hpp"

namespace icl::bench {
namespace {

TEST(GemmPeak, KeepsTheFastestOfEachShape) {
  GemmPeak peak((Workers(1)));
  ASSERT_GE(peak.rates().size(), 3U);
  EXPECT_EQ(peak.best("OpenBLAS"), 0);
  peak.measure();
  const std::vector<GemmRate> first = peak.rates();
  peak.measure();
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_GT(first[i].gflops, 0.1) << first[i].library;
    EXPECT_GE(peak.rates()[i].gflops, first[i].gflops);
    EXPECT_GE(peak.best(first[i].library), peak.rates()[i].gflops);
  }
  EXPECT_EQ(peak.best("no such library"), 0);
}

}  // namespace
}  // namespace icl::bench
