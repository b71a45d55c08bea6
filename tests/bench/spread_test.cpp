#include "icl/bench/spread.hpp"

#include <gtest/gtest.h>

namespace icl::bench {
namespace {

TEST(Spread, IsTheQuartiles) {
  const Spread s = spread({5, 1, 3, 2, 4});
  EXPECT_EQ(s.low, 2);
  EXPECT_EQ(s.median, 3);
  EXPECT_EQ(s.high, 4);
  EXPECT_EQ(spread({4, 1}).median, 2.5);
  EXPECT_EQ(spread({4, 1}).low, 1.75);
  EXPECT_EQ(spread({}).median, 0);
  EXPECT_EQ(spread({7}).high, 7);
}

}  // namespace
}  // namespace icl::bench
