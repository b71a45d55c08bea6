#include "icl/config/steps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "icl/core/error.hpp"

namespace icl::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t end = 60;
std::vector<std::int64_t> steps(std::string_view text) { return steps_of(parse_steps(text), end); }

TEST(Steps, AreRangesWithoutTheirLastStepAndSingleOnes) {
  EXPECT_THAT(steps("7"), ElementsAre(7));
  EXPECT_THAT(steps("0:4"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(steps("10:20:5"), ElementsAre(10, 15));
  EXPECT_THAT(steps("10:21:5"), ElementsAre(10, 15, 20));
  EXPECT_THAT(steps("10:11:5"), ElementsAre(10));
  EXPECT_THAT(steps(" 5 , 9 ,0"), ElementsAre(0, 5, 9));
}

TEST(Steps, RiseAndAreThereOnce) {
  EXPECT_THAT(steps("9,5,0:3,1:4,9"), ElementsAre(0, 1, 2, 3, 5, 9));
}

TEST(Steps, AreOpenAtBothEnds) {
  EXPECT_THAT(steps(":3"), ElementsAre(0, 1, 2));
  EXPECT_THAT(steps("58:"), ElementsAre(58, 59, 60));
  EXPECT_THAT(steps("::25"), ElementsAre(0, 25, 50));
  // Beyond the end: for who asks, to refuse.
  EXPECT_THAT(steps("70:"), ElementsAre(70));
}

TEST(Steps, ThatAreNoneAreRefusedByName) {
  struct Row {
    std::string text;
    std::string part;
  };
  for (const Row& row :
       {Row{"31500:31000", "31500:31000: the range descends"},
        Row{"0:100:0", "0:100:0: steps at a"}, Row{"5:5", "5:5: the range holds no step"},
        Row{"1:2:3:4", "at most three parts"}, Row{"", "expected a step"},
        Row{"1,,2", "found \"\""}, Row{"1,", "found \"\""}, Row{"-1", "found \"-1\""},
        Row{"1:-5", "found \"-5\""}, Row{"1.5", "found \"1.5\""}, Row{"010", "found \"010\""},
        Row{"0:010", "found \"010\""}, Row{"all", "found \"all\""}, Row{"1e3", "found \"1e3\""},
        Row{"4294967296", "found \"4294967296\""}, Row{"99999999999999999999", "found"},
        Row{"1:2:", "found \"\""}, Row{"7:8,x:9", "x:9: "}}) {
    EXPECT_FALSE(read_steps(row.text));
    try {
      static_cast<void>(parse_steps(row.text));
      ADD_FAILURE() << row.text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr(row.part));
    }
  }
  EXPECT_TRUE(read_steps("4294967295"));
}

}  // namespace
}  // namespace icl::config
