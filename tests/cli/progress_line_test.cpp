#include "icl/cli/progress_line.hpp"

#include <gtest/gtest.h>

namespace icl::cli {
namespace {

TEST(PaceText, SaysStepsASecondOrSecondsAStep) {
  EXPECT_EQ(pace_text(0), "0 steps/s");  // none yet
  EXPECT_EQ(pace_text(1250.4), "1250 steps/s");
  EXPECT_EQ(pace_text(9.96), "10 steps/s");
  EXPECT_EQ(pace_text(9.94), "9.9 steps/s");
  EXPECT_EQ(pace_text(0.96), "1.0 steps/s");
  EXPECT_EQ(pace_text(0.94), "1.06 s a step");
  EXPECT_EQ(pace_text(0.5), "2 s a step");
  EXPECT_EQ(pace_text(0.004), "250 s a step");
}

}  // namespace
}  // namespace icl::cli
