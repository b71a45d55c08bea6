#include "icl/config/sweep.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "support/errors.hpp"

namespace icl::config {
namespace {

using test::Outcome;
using test::outcome_of;
using testing::ElementsAre;
using testing::HasSubstr;

Sweep sweep_of(const std::string& text, std::optional<std::string_view> scale = {},
               const std::vector<std::string>& overrides = {}) {
  return parse_sweep(text, "sweep.toml", {.scale = scale, .overrides = overrides});
}

// ---- the grid -----------------------------------------------------------------------------------

TEST(ParseSweep, AFileWithoutASweepIsOneRunOfSeed0) {
  const Sweep sweep = sweep_of("");
  Config base;
  base.record.snapshots = 0;
  EXPECT_EQ(sweep.base, base);
  EXPECT_TRUE(sweep.axes.empty());
  EXPECT_THAT(sweep.seeds, ElementsAre(0));
  EXPECT_EQ(sweep.kernels, Kernels::own);
}

TEST(ParseSweep, AxesStandInTheOrderOfTheirLines) {
  const Sweep sweep = sweep_of(
      "[sweep.axes]\ntrain.epochs = [3]\ndata.N = [4]\ntrain.batch_size = [5]\ndata.K = [6]");
  std::vector<std::string_view> names;
  for (const Axis& axis : sweep.axes) names.push_back(axis.field->name);
  EXPECT_THAT(names, ElementsAre("train.epochs", "data.N", "train.batch_size", "data.K"));
}

TEST(ParseSweep, SeedsAreANumberAListOrARange) {
  const auto seeds_of = [](const std::string& text) {
    return sweep_of("[sweep]\nseeds = " + text).seeds;
  };
  EXPECT_THAT(seeds_of("3"), ElementsAre(0, 1, 2));
  EXPECT_THAT(seeds_of("3e0"), ElementsAre(0, 1, 2));
  EXPECT_THAT(seeds_of("[7, 3]"), ElementsAre(7, 3));
  EXPECT_THAT(seeds_of("{ from = 100, to = 102 }"), ElementsAre(100, 101, 102));
  EXPECT_THAT(seeds_of("{ from = 10, to = 21, step = 5 }"), ElementsAre(10, 15, 20));
  EXPECT_EQ(seeds_of("1000000").size(), 1000000U);
}

TEST(ParseSweep, AnAxisWinsOverTheSettingOfItsKeyThatStandsBesideIt) {
  const Sweep sweep = sweep_of("data.N = 100\ndata.D = 7\n[sweep.axes]\ndata.N = [50, 60]");
  EXPECT_EQ(sweep, sweep_of("data.D = 7\n[sweep.axes]\ndata.N = [50, 60]"));
  const std::string scale = "[scale.x]\nset.data.N = 20\naxes.data.N = [30, 40]";
  EXPECT_THAT(sweep_of(scale, "x").axes.at(0).values,
              ElementsAre(Value(std::int64_t{30}), Value(std::int64_t{40})));
}

TEST(ParseSweep, AScaleMakesAnAxisOneValue) {
  const std::string text = "[sweep.axes]\ndata.K = [500, 600]\n[scale.x]\nset.data.K = 700";
  EXPECT_THAT(sweep_of(text, "x").axes.at(0).values, ElementsAre(Value(std::int64_t{700})));
}

TEST(ParseSweep, TheSeedIsAKeyAsAnyOther) {
  EXPECT_THAT(sweep_of("train.seed = 3").seeds, ElementsAre(3));
  EXPECT_THAT(sweep_of("train.seed = 3\n[sweep]\nseeds = 2").seeds, ElementsAre(0, 1));
  EXPECT_THAT(sweep_of("[sweep]\nseeds = 2\n[scale.x]\nset.train.seed = 5", "x").seeds,
              ElementsAre(5));
  EXPECT_THAT(sweep_of("[sweep.axes]\ntrain.seed = [4, 2.0]").seeds, ElementsAre(4, 2));
  EXPECT_EQ(sweep_of("train.seed = 3").base.train.seed, 0) << "what the runs vary is no base";
}

TEST(ParseSweep, SnapshotsAreOnlyTakenIfAskedFor) {
  EXPECT_EQ(sweep_of("[train]\nepochs = 3").base.record.snapshots, 0);
  EXPECT_EQ(sweep_of("record.snapshots = 12").base.record.snapshots, 12);
  EXPECT_EQ(sweep_of("", std::nullopt, {"record.snapshots=5"}).base.record.snapshots, 5);
  EXPECT_EQ(sweep_of("[scale.desk]\nset.record.snapshots = 4", "desk").base.record.snapshots, 4);
}

const std::string scaled = R"(
train.epochs = 1000
[sweep]
seeds = 11
kernels = "avx2"
[sweep.axes]
data.K = [500, 1000, 2000]
train.learning_rate = [0.1, 0.2]
[scale.smoke]
set = { train.epochs = 2, data.D = 5 }
[scale.desk]
seeds = [4, 2]
set.data.N = 20
axes.data.K = { from = 100, to = 104, step = 2 }
axes.model.hidden = [8]
)";

TEST(ParseSweep, AScaleReplacesWhatItNames) {
  const Sweep paper = sweep_of(scaled, "paper");
  EXPECT_EQ(paper, sweep_of(scaled)) << "paper is the base unless the file says otherwise";
  EXPECT_EQ(paper.base.train.epochs, 1000);
  EXPECT_EQ(paper.seeds.size(), 11U);

  const Sweep smoke = sweep_of(scaled, "smoke");
  EXPECT_EQ(smoke.base.train.epochs, 2);
  EXPECT_EQ(smoke.base.data.D, 5);
  EXPECT_EQ(smoke.axes, paper.axes);

  const Sweep desk = sweep_of(scaled, "desk");
  EXPECT_EQ(desk.base.data.N, 20);
  EXPECT_EQ(desk.kernels, Kernels::avx2);
  EXPECT_THAT(desk.seeds, ElementsAre(4, 2));
  ASSERT_EQ(desk.axes.size(), 3U);
  EXPECT_EQ(desk.axes[0].field->name, "data.K");
  EXPECT_THAT(desk.axes[0].values, ElementsAre(Value(std::int64_t{100}), Value(std::int64_t{102}),
                                               Value(std::int64_t{104})));
  EXPECT_EQ(desk.axes[1], paper.axes[1]);
  EXPECT_EQ(desk.axes[2].field->name, "model.hidden");
}

TEST(ParseSweep, OverridesSetTheBaseAfterTheScale) {
  const Sweep sweep = sweep_of(scaled, "smoke", {"train.epochs=3", "data.N=7", "train.epochs=4"});
  EXPECT_EQ(sweep.base.train.epochs, 4);
  EXPECT_EQ(sweep.base.data.N, 7);
}

// ---- as TOML ------------------------------------------------------------------------------------

TEST(SweepToToml, IsWhatTheRunsHaveInCommonAndThenTheGrid) {
  const std::string toml = to_toml(sweep_of(scaled, "desk"));
  EXPECT_THAT(toml, testing::EndsWith(R"(
[sweep]
seeds = [4, 2]
kernels = "avx2"

[sweep.axes]
data.K = [100, 102, 104]
train.learning_rate = [0.1, 0.2]
model.hidden = [8]
)"));
  EXPECT_THAT(toml, HasSubstr("\nN = 20\n"));
  EXPECT_THAT(toml, testing::Not(HasSubstr("\nK = ")));
  EXPECT_THAT(toml, testing::Not(HasSubstr("\nseed = ")));
  EXPECT_THAT(to_toml(sweep_of("[sweep]\nseeds = 11")),
              testing::EndsWith("\n[sweep]\nseeds = { from = 0, to = 10 }\nkernels = \"own\"\n"));
}

TEST(SweepToToml, ReadsBackAsTheSameSweep) {
  const std::vector<std::string> texts = {
      "",
      scaled,
      "[sweep]\nkernels = \"avx2\"\nseeds = 100000",
      "[sweep]\nseeds = [5, 3, 9]",
      "[sweep]\nseeds = [7]",
      "[sweep]\nseeds = { from = 0, to = 5000, step = 7 }",
      "[sweep]\nseeds = { from = 9007199254740985, to = 9007199254740991 }",
      "train.weight_decay_mlp = 0.3\nseed.items = 5\n[sweep.axes]\ndata.K = [inf, 500]\n"
      "train.learning_rate = [1e-10, 0.1, 1, 1e-37]\n"
      "train.weight_decay_mlp = { from = 0, to = 3e-310, step = 1e-310 }\n"
      "train.weight_decay_attention = { log = [1e-3, 1e-2], count = 20 }",
      "record.publish_seconds = 0.25\n[sweep.axes]\nrecord.snapshots = [3, 0]\n"
      "stop.icl_accuracy = [0.9, 0.99]\nseed.data = [1, 9007199254740991]\n"
      "model.beta0 = [\"not set\", 2]\nintervene.clamp = [\"copy\", \"not set\"]\n"
      "model.attend_self = [true, false]\nintervene.freeze = [\"mlp.0@:5, w\", \"beta\"]"};
  for (const std::string& text : texts) {
    const Sweep sweep = sweep_of(text);
    EXPECT_TRUE(sweep_of(to_toml(sweep)) == sweep) << text << "\nbecame\n" << to_toml(sweep);
  }
  const Sweep desk = sweep_of(scaled, "desk", {"train.epochs=5"});
  EXPECT_TRUE(sweep_of(to_toml(desk)) == desk) << to_toml(desk);
}

// ---- errors -------------------------------------------------------------------------------------

struct Bad {
  std::string text;
  std::string message;  ///< what the message begins with
  std::optional<std::string_view> scale = {};
  std::vector<std::string> overrides = {};
};

std::ostream& operator<<(std::ostream& stream, const Bad& bad) { return stream << bad.text; }

class BadSweepTest : public testing::TestWithParam<Bad> {};

TEST_P(BadSweepTest, IsAUsageErrorThatSaysWhere) {
  const Bad& bad = GetParam();
  const auto outcome = outcome_of([&] { return sweep_of(bad.text, bad.scale, bad.overrides); });
  EXPECT_EQ(outcome.code, ExitCode::usage);
  EXPECT_THAT(outcome.message, testing::StartsWith(bad.message));
}

Bad bad_axis(const std::string& line, const std::string& message) {
  return {"[sweep.axes]\n" + line, "sweep.toml:2: " + message};
}

INSTANTIATE_TEST_SUITE_P(
    Axes, BadSweepTest,
    testing::Values(
        bad_axis("data.k = [2]", "unknown key \"data.k\"; did you mean data.K?"),
        bad_axis("data.K = []", "data.K: the list is empty"),
        bad_axis("data.K = [[2]]", "data.K: a value of the list is an array"),
        bad_axis("data.K = 500",
                 "data.K: expected a list of values, {from, to, step}, {linear, count} or {log, "
                 "count}, found an integer"),
        bad_axis("record.publish_seconds = [1]", "record.publish_seconds is no axis: it makes no"),
        bad_axis("data.N = [20, 1]",
                 "data.N: expected an integer from 2 to 65536, found the integer 1"),
        bad_axis("data.K = [500, 501]",
                 "data.K: expected an even integer from 2 to 2^31-2, or inf, found the integer "
                 "501"),
        bad_axis("data.N = { from = 10, to = 20, step = 2.5 }",
                 "data.N: expected an integer from 2 to 65536, found the float 12.5"),
        Bad{"data.D = 5\n[sweep.axes]\n\ndata.K = [8]\ndata.N = [inf]",
            "sweep.toml:5: data.N: expected an integer from 2 to 65536, found the float inf"}));

// A number that is written in two ways is one value; what a spacing comes to twice is meant.
INSTANTIATE_TEST_SUITE_P(
    Repeats, BadSweepTest,
    testing::Values(
        bad_axis("data.N = [20, 10, 20]", "data.N: the value 20 is there twice"),
        bad_axis("data.N = [20, 10, 20.0]", "data.N: the value 20 is there twice"),
        bad_axis("data.K = [100000, 8, 1e5]", "data.K: the value 100000 is there twice"),
        bad_axis("data.K = [inf, 8, \"inf\"]", "data.K: the value inf is there twice"),
        bad_axis("train.learning_rate = [0.1, 1e-1]",
                 "train.learning_rate: the value 0.1 is there twice"),
        bad_axis("model.system = [\"minimal\", \"minimal\"]",
                 "model.system: the value \"minimal\" is there twice"),
        bad_axis("model.attend_self = [true, false, true]",
                 "model.attend_self: the value true is there twice"),
        bad_axis("train.seed = [3, 3]", "train.seed: the value 3 is there twice"),
        Bad{"[sweep]\nseeds = [1, 1]", "sweep.toml:2: train.seed: the value 1 is there twice"},
        Bad{"[sweep]\nseeds = [1, 2, 1.0]", "sweep.toml:2: train.seed: the value 1 is there twice"},
        Bad{"[[sweep.grid]]\ndata.N = [20, 20]",
            "sweep.toml:2: data.N: the value 20 is there twice"}));

Bad bad_spacing(const std::string& spacing, const std::string& message) {
  return bad_axis("data.N = " + spacing, "data.N: " + message);
}

const std::string one_of = "expected one of {from, to}, {linear, count} and {log, count}";
const std::string too_many = "expected from 1 to 1000000 values, found ";

INSTANTIATE_TEST_SUITE_P(
    Spacings, BadSweepTest,
    testing::Values(
        bad_spacing("{ from = 10, to = 20, step = 0 }", "step = 0 must be positive"),
        bad_spacing("{ from = 10, to = 20, step = -5 }", "step = -5 must be positive"),
        bad_spacing("{ from = 30, to = 20 }", "from = 30 is greater than to = 20"),
        bad_spacing("{ from = 30 }", "to is missing"),
        bad_spacing("{ from = 0, to = 1e9 }", too_many),
        bad_spacing("{ from = 9007199254740993, to = 9007199254740995 }",
                    "from = 9007199254740993: whole numbers go to 2^53, 9007199254740992"),
        bad_spacing("{ log = [1e300, 1e307], count = 2, times = 1e10 }",
                    "value 1 of it, times 10000000000, is beyond 1.8e+308, the largest number"),
        bad_spacing("{ linear = [-1e308, 1e308], count = 3 }", "value 1 of it, times 1, is beyond"),
        bad_spacing("{ from = -1e308, to = 1e308, step = 1e307 }", too_many + "inf"),
        bad_spacing("{ log = [1e-5, 1e5], count = 3, times = inf }",
                    "times: expected a finite number, found a float"),
        bad_spacing("{ from = 0, to = inf }", "to: expected a finite number"),
        bad_spacing("{ linear = [2, 9], count = 0 }", too_many + "0"),
        bad_spacing("{ linear = [2, 9], count = 1e9 }", too_many + "1000000000"),
        bad_spacing("{ linear = [2, 9], count = 2.5 }", "count = 2.5 must be an integer"),
        bad_spacing("{ from = 2, to = 9, log = [2, 9], count = 3 }", one_of),
        bad_spacing("{ count = 3 }", one_of), bad_spacing("{}", one_of),
        bad_spacing("{ from = 2, to = 9, count = 3 }", "{from, to} takes step, not count"),
        bad_spacing("{ log = [2, 9], step = 3 }", "{linear} and {log} take count, not step"),
        bad_spacing("{ form = 2, to = 9 }",
                    "unknown key \"form\"; a spacing has from, to, step, linear, log, count, "
                    "floor, times"),
        bad_spacing("{ log = [0, 9], count = 3 }", "the ends of log must be positive"),
        bad_spacing("{ log = [9, -1], count = 3 }", "the ends of log must be positive"),
        bad_spacing("{ log = [2, 4, 9], count = 3 }", "log: expected the two ends [first, last]"),
        bad_spacing("{ log = [\"a\", 9], count = 3 }",
                    "log: expected a finite number, found a string"),
        bad_spacing("{ from = 2, to = 9, floor = 1 }",
                    "floor: expected true or false, found an integer")));

Bad bad_line(const std::string& line, const std::string& message) {
  return {"[sweep]\n" + line, "sweep.toml:2: " + message};
}

INSTANTIATE_TEST_SUITE_P(
    Tables, BadSweepTest,
    testing::Values(
        bad_line("seeds = 0", "seeds = 0: expected a whole number from 1 to 1000000, or a list"),
        bad_line("seeds = 1000001", "seeds = 1000001: expected a whole number from 1 to"),
        bad_line("seeds = 1.5", "seeds = 1.5: expected a whole number"),
        bad_line("seeds = nan", "seeds = nan: expected a whole number"),
        bad_line("seeds = []", "seeds: the list is empty"),
        bad_line("seeds = \"all\"", "seeds: expected a list of values"),
        bad_line("seeds = [3, -1]", "train.seed: expected an integer from 0 to 2^53-1, found"),
        bad_line("seeds = { from = 3, to = 1 }", "seeds: from = 3 is greater than to = 1"),
        bad_line("kernels = \"x\"", "kernels: expected \"own\" or \"avx2\""),
        bad_line("axes = [1]", "axes: expected a table, found an array"),
        bad_line("axis = 1",
                 "unknown key \"axis\" in [sweep]; it may have seeds, kernels, axes, grid"),
        Bad{"sweep = 3", "sweep.toml:1: sweep: expected a table, found an integer"},
        Bad{"[data]\nN = 1", "sweep.toml:2: data.N: expected an integer from 2"},
        Bad{"[sweep\n", "sweep.toml:1:"}));

INSTANTIATE_TEST_SUITE_P(
    Scales, BadSweepTest,
    testing::Values(
        Bad{scaled, "--scale large: sweep.toml has no [scale.large]; its scales are desk, smoke",
            "large"},
        Bad{"[scale.hidden-16]\nseeds = 3",
            "--scale hiden-16: sweep.toml has no [scale.hiden-16]; did you mean hidden-16?",
            "hiden-16"},
        Bad{"", "--scale desk: sweep.toml has no [scale.desk]; it has no scales", "desk"},
        Bad{"[scale.desk]\nkernel = \"avx2\"",
            "sweep.toml:2: unknown key \"kernel\" in [scale.desk]; it may have seeds, kernels, "
            "set, axes",
            "desk"},
        Bad{"[scale]\ndesk = 3", "sweep.toml:2: desk: expected a table, found an integer", "desk"},
        Bad{"[scale.desk]\nset.data.N = 1", "sweep.toml:2: data.N: expected an integer", "desk"}));

INSTANTIATE_TEST_SUITE_P(
    Overrides, BadSweepTest,
    testing::Values(
        Bad{scaled,
            "--set data.K=500: data.K is an axis of the sweep; --axis data.K=VALUE makes it "
            "one value",
            {},
            {"data.K=500"}},
        Bad{scaled, "--set data.K=501: data.K: expected an even integer", {}, {"data.K=501"}},
        Bad{scaled,
            "--set train.seed=3: train.seed: a sweep takes its seeds from",
            {},
            {"train.seed=3"}},
        Bad{scaled, "--set data.Q=3: unknown key \"data.Q\"", {}, {"data.Q=3"}},
        Bad{scaled, "--set data.N=1: data.N: expected", "desk", {"data.N=1"}}));

TEST(LoadSweep, ReadsAFileOfAtMostAMebibyte) {
  const auto path = std::filesystem::path(testing::TempDir()) /
                    ("icl_sweep_" + std::to_string(getpid()) + ".toml");
  const auto missing = outcome_of([&] { return load_sweep(path); });
  EXPECT_EQ(missing.message, "cannot read " + path.string() + ": No such file or directory");
  std::ofstream(path, std::ios::binary) << scaled;
  EXPECT_EQ(load_sweep(path, {.scale = "desk"}), sweep_of(scaled, "desk"));
  std::filesystem::resize_file(path, (std::uintmax_t{1} << 20U) + 1);
  const auto large = outcome_of([&] { return load_sweep(path); });
  std::filesystem::remove(path);
  EXPECT_EQ(large.code, ExitCode::bad_input);
  EXPECT_EQ(large.message, path.string() + ": a configuration has at most 1024 KiB");
}

}  // namespace
}  // namespace icl::config
