#include "icl/bench/hand_over.hpp"

#include <gtest/gtest.h>

namespace icl::bench {
namespace {

TEST(HandOver, TakesTwoThreads) {
  HandOver alone((Workers(1)));
  alone.measure();
  EXPECT_EQ(alone.seconds(), 0);
  EXPECT_EQ(alone.empty_loop_seconds(), 0);
}

TEST(HandOver, TakesSomeTime) {
  HandOver two((Workers(2)));
  EXPECT_EQ(two.seconds(), 0);
  for (int i = 0; i < 1000 && two.seconds() == 0; ++i)
    two.measure();  // a busy machine may not answer
  EXPECT_GT(two.seconds(), 1e-10);
  EXPECT_LT(two.seconds(), 0.02);
  EXPECT_GT(two.empty_loop_seconds(), 1e-9);
  EXPECT_LT(two.empty_loop_seconds(), 0.02);
}

// In a task, all is done by the thread at hand: it is no other that could answer.
TEST(HandOver, GivesUpWhereNobodyAnswers) {
  Workers(2).for_each(2, [](std::int64_t) {
    HandOver nobody((Workers(2)));
    nobody.measure();
    EXPECT_EQ(nobody.seconds(), 0);
  });
}

}  // namespace
}  // namespace icl::bench
