#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/sweep.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "support/errors.hpp"

namespace icl::config {
namespace {

using test::outcome_of;
using testing::ElementsAre;

constexpr double infinity = std::numeric_limits<double>::infinity();

Sweep sweep_of(const std::string& text) { return parse_sweep(text, "sweep.toml"); }

/// The values of the one axis `key = spec`.
std::vector<Value> values_of(const std::string& key, const std::string& spec) {
  const Sweep sweep = sweep_of("[sweep.axes]\n" + key + " = " + spec);
  EXPECT_EQ(sweep.axes.at(0).field, find_field(key));
  return sweep.axes.at(0).values;
}

/// The same, all of which are integers (or all double).
template <class T = std::int64_t>
std::vector<T> numbers_of(const std::string& key, const std::string& spec) {
  std::vector<T> numbers;
  for (const Value& value : values_of(key, spec)) numbers.push_back(std::get<T>(value));
  return numbers;
}

TEST(SweepAxis, AListIsTakenAsItStands) {
  EXPECT_THAT(values_of("data.K", "[2000, 500, 1e4, \"inf\"]"),
              ElementsAre(Value(std::int64_t{2000}), Value(std::int64_t{500}),
                          Value(std::int64_t{10000}), Value(infinity)));
  EXPECT_THAT(numbers_of<double>("train.learning_rate", "[1, 0.1, 1e-10]"),
              ElementsAre(1.0, 0.1, 1e-10));
  EXPECT_THAT(values_of("model.system", "[\"one_layer\"]"),
              ElementsAre(Value(std::string("one_layer"))));
}

TEST(SweepAxis, HoldsNoValueTwice) {
  EXPECT_THAT(numbers_of("data.K", "{ log = [1, 3.5], count = 20, floor = true, times = 2 }"),
              ElementsAre(2, 4, 6));
}

TEST(SweepAxis, APowerMeetsTheWholeNumberThatItMissesByRounding) {
  EXPECT_THAT(numbers_of("data.K", "{ log = [64, 4096], count = 4 }"),
              ElementsAre(64, 256, 1024, 4096));
  EXPECT_THAT(numbers_of("data.N", "{ log = [10, 1000], count = 3, times = 2 }"),
              ElementsAre(20, 200, 2000));
  EXPECT_EQ(outcome_of([] {
              return sweep_of("[sweep.axes]\ndata.K = { log = [64, 128], count = 3 }");
            }).code,
            ExitCode::usage);
}

TEST(SweepAxis, EveryKeyCanBeOne) {
  for (const Field& field : fields()) {
    if (field.name == "train.seed" || field.name == "record.publish_seconds") continue;
    std::string value = "\"not set\"";
    if (field.when_absent.empty()) {
      const std::string line = fmt::format("\n{} = ", key_of(field));
      const std::string section = fmt::format("[{}]\n", section_of(field));
      std::string written = to_toml(Config{});
      written.erase(0, written.find(section));
      ASSERT_TRUE(written.find(line) != std::string::npos) << field.name;
      written.erase(0, written.find(line) + line.size());
      value = written.substr(0, written.find('\n'));
    }
    const Sweep sweep = sweep_of(fmt::format("[sweep.axes]\n{} = [{}]", field.name, value));
    ASSERT_EQ(sweep.axes.size(), 1U) << field.name;
    EXPECT_EQ(sweep.axes[0].field, &field);
    EXPECT_EQ(sweep.axes[0].values, std::vector{get(field, Config{})}) << field.name;
    EXPECT_EQ(parse_sweep(to_toml(sweep), "again.toml"), sweep) << field.name;
  }
}

TEST(SweepAxis, ARangeHoldsBothItsEnds) {
  EXPECT_THAT(numbers_of("data.N", "{ from = 50, to = 250, step = 50 }"),
              ElementsAre(50, 100, 150, 200, 250));
  EXPECT_THAT(numbers_of("data.N", "{ from = 50, to = 149, step = 50 }"), ElementsAre(50, 100));
  EXPECT_THAT(numbers_of("data.N", "{ from = 5, to = 8 }"), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(numbers_of("data.N", "{ from = 5, to = 5 }"), ElementsAre(5));
  EXPECT_THAT(numbers_of("data.N", "{ from = 1, to = 3, times = 20 }"), ElementsAre(20, 40, 60));
  // (0.3 - 0.1) / 0.1 falls short of 2.
  EXPECT_THAT(numbers_of<double>("train.learning_rate", "{ from = 0.1, to = 0.3, step = 0.1 }"),
              ElementsAre(0.1, 0.2, testing::DoubleEq(0.3)));
}

TEST(SweepAxis, LinearIsEvenAndEndsExactly) {
  EXPECT_THAT(numbers_of<double>("train.learning_rate", "{ linear = [0.125, 0.625], count = 5 }"),
              ElementsAre(0.125, 0.25, 0.375, 0.5, 0.625));
  // As numpy.linspace.
  EXPECT_THAT(numbers_of<double>("train.learning_rate", "{ linear = [0.01, 0.1], count = 4 }"),
              ElementsAre(0.01, 0.04, 0.07, 0.1));
  EXPECT_THAT(numbers_of("data.N", "{ linear = [6, 2], count = 3 }"), ElementsAre(6, 4, 2));
  EXPECT_THAT(numbers_of("data.N", "{ linear = [500, 5], count = 1 }"), ElementsAre(500));
  EXPECT_THAT(numbers_of("data.N", "{ linear = [10, 12.9], count = 3, floor = true }"),
              ElementsAre(10, 11, 12));
}

// std::stod refuses what is denormal.
TEST(SweepAxis, TakesTheSmallestNumbers) {
  EXPECT_THAT(
      numbers_of<double>("train.weight_decay_mlp", "{ from = 0, to = 3e-310, step = 1e-310 }"),
      ElementsAre(0.0, 1e-310, 2e-310, 3e-310));
  EXPECT_THAT(
      numbers_of<double>("train.weight_decay_mlp", "{ from = 0, to = 1e-323, step = 5e-324 }"),
      ElementsAre(0.0, 5e-324, 1e-323));
}

// To 2^53; twelve digits would make 9007199254740000 of each.
TEST(SweepAxis, WholeNumbersStayWholeNumbers) {
  EXPECT_THAT(
      numbers_of("seed.init", "{ from = 9007199254740987, to = 9007199254740991, step = 2 }"),
      ElementsAre(9007199254740987, 9007199254740989, 9007199254740991));
  EXPECT_THAT(numbers_of("seed.init", "[0x10, 1_000, 2e3, 0b11, 0o17, -0, 9007199254740991.0]"),
              ElementsAre(16, 1000, 2000, 3, 15, 0, 9007199254740991));
}

TEST(SweepAxis, AnOptionalKeyMayBeNotSet) {
  EXPECT_THAT(values_of("model.beta0", R"(["not set", 1, -0.0])"),
              ElementsAre(Value(), Value(1.0), Value(0.0)));
  EXPECT_THAT(values_of("intervene.freeze", R"(["not set", "memoriser@:20"])"),
              ElementsAre(Value(), Value(std::string("memoriser@:20"))));
}

TEST(SweepAxis, AListIsOneValueOfAKeyThatHoldsLists) {
  const auto text = [](const char* words) { return Value(std::string(words)); };
  EXPECT_THAT(values_of("record.snapshot_steps", "[5, 10]"), ElementsAre(text("5"), text("10")));
  EXPECT_THAT(values_of("record.snapshot_steps", R"([[5, 10], 7, "9, 11", "not set"])"),
              ElementsAre(text("5, 10"), text("7"), text("9, 11"), Value()));
  EXPECT_THAT(values_of("probe.record", R"([["norms", "margins"], "norms"])"),
              ElementsAre(text("margins norms"), text("norms")));
}

// The published grids: 2*numpy.floor(numpy.logspace(log10(a), log10(b), count)).
TEST(SweepAxis, LogGivesThePublishedGrids) {
  EXPECT_THAT(numbers_of("data.K", "{ log = [250, 2e5], count = 30, floor = true, times = 2 }"),
              ElementsAre(498, 628, 792, 998, 1256, 1582, 1992, 2510, 3160, 3980, 5012, 6310, 7946,
                          10008, 12602, 15868, 19982, 25164, 31686, 39900, 50244, 63270, 79672,
                          100326, 126336, 159086, 200326, 252258, 317652, 400000));
  EXPECT_THAT(numbers_of("data.K", "{ log = [250, 5e4], count = 10, floor = true, times = 2 }"),
              ElementsAre(498, 900, 1622, 2924, 5268, 9490, 17098, 30806, 55504, 99998));
  EXPECT_THAT(numbers_of("data.K", "{ log = [2500, 25000], count = 10, floor = true, times = 2 }"),
              ElementsAre(4998, 6456, 8340, 10772, 13912, 17968, 23206, 29974, 38712, 49998));
  const auto decays =
      numbers_of<double>("train.weight_decay_attention", "{ log = [1e-3, 1e-2], count = 20 }");
  ASSERT_EQ(decays.size(), 20U);
  EXPECT_EQ(decays[0], 0.001);
  EXPECT_EQ(decays[1], 0.0011288378916846896);
  EXPECT_EQ(decays[19], 0.01);
}

}  // namespace
}  // namespace icl::config
