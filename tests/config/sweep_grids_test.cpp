// Sweeps that are unions of grids, what a command line changes in them, and what a file says of its
// runs beside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/sweep.hpp"
#include "icl/core/error.hpp"

namespace icl::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Change {
  std::vector<std::string> axes = {};
  std::optional<std::string> seeds = {};
  std::optional<std::string> scale = {};
};

Sweep sweep_of(const std::string& text, const Change& change = {}) {
  const auto view = [](const std::optional<std::string>& t) {
    return t ? std::optional<std::string_view>(*t) : std::nullopt;
  };
  return parse_sweep(text, "sweep.toml", {view(change.scale), change.axes, view(change.seeds), {}});
}

/// "data.N = 20 30, data.K = 64" of each grid.
std::vector<std::string> grids_of(const Sweep& sweep) {
  std::vector<std::string> texts;
  for (const Sweep::Grid& grid : sweep.grids) {
    std::string text;
    for (const Axis& axis : grid) {
      text += std::string(text.empty() ? "" : ", ") + std::string(axis.field->name) + " =";
      for (const Value& value : axis.values) text += " " + to_text(value);
    }
    texts.push_back(text);
  }
  return texts;
}

const std::string two_grids = R"(
data.N = 30
[sweep]
seeds = 2
[sweep.axes]
train.learning_rate = [0.1, 0.2]
data.D = [16, 32]
[[sweep.grid]]
data.K = { from = 64, to = 128, step = 64 }
data.N = 20
[[sweep.grid]]
data.K = 256
data.D = 63
[scale.desk]
axes.data.K = [512]
[scale.other]
[[scale.other.grid]]
data.N = [8, 12]
[scale.one]
set.data.D = 5
grid = []
)";

TEST(SweepGrids, EachHasEveryKeyThatOneOfThemNames) {
  const Sweep sweep = sweep_of(two_grids);
  EXPECT_THAT(grids_of(sweep), ElementsAre("data.K = 64 128, data.N = 20, data.D = 16 32",
                                           "data.K = 256, data.N = 30, data.D = 63"));
  ASSERT_EQ(sweep.axes.size(), 1U);
  EXPECT_EQ(sweep.axes[0].field, find_field("train.learning_rate"));
  EXPECT_THAT(sweep.varied(), ElementsAre(find_field("train.learning_rate"), find_field("data.K"),
                                          find_field("data.N"), find_field("data.D")));
  EXPECT_THAT(
      sweep.values_of(*find_field("data.D")),
      ElementsAre(Value(std::int64_t{16}), Value(std::int64_t{32}), Value(std::int64_t{63})));
  EXPECT_THAT(sweep.values_of(*find_field("data.noise")), ElementsAre());
}

TEST(SweepGrids, AreTheSameAfterBeingWritten) {
  const Sweep sweep = sweep_of(two_grids);
  EXPECT_EQ(sweep_of(to_toml(sweep)), sweep);
}

TEST(SweepGrids, AKeyThatHoldsAListTakesOneValueOrSeveral) {
  const Sweep sweep = sweep_of(R"(
[[sweep.grid]]
record.snapshot_steps = 5
[[sweep.grid]]
record.snapshot_steps = [5, 10]
[[sweep.grid]]
record.snapshot_steps = [[5, 10]]
)");
  EXPECT_THAT(grids_of(sweep),
              ElementsAre(R"(record.snapshot_steps = "5")", R"(record.snapshot_steps = "5" "10")",
                          R"(record.snapshot_steps = "5, 10")"));
  EXPECT_EQ(sweep_of(to_toml(sweep)), sweep);
}

TEST(SweepGrids, AScaleReplacesWhatItNames) {
  EXPECT_THAT(grids_of(sweep_of(two_grids, {.scale = "desk"})),
              ElementsAre("data.N = 20, data.D = 16 32", "data.N = 30, data.D = 63"));
  EXPECT_THAT(grids_of(sweep_of(two_grids, {.scale = "other"})), ElementsAre("data.N = 8 12"));
  const Sweep one = sweep_of(two_grids, {.scale = "one"});
  EXPECT_THAT(grids_of(one), ElementsAre());
  EXPECT_THAT(one.values_of(*find_field("data.D")), ElementsAre(Value(std::int64_t{5})));
}

TEST(SweepGrids, TheCommandLineChangesAxesAndSeeds) {
  const Sweep sweep = sweep_of(
      two_grids,
      {.axes = {"data.N=20, 40,80", "data.D={from=1, to=2}", "data.K=inf"}, .seeds = "7,3"});
  EXPECT_THAT(grids_of(sweep), ElementsAre());
  EXPECT_THAT(
      sweep.values_of(*find_field("data.N")),
      ElementsAre(Value(std::int64_t{20}), Value(std::int64_t{40}), Value(std::int64_t{80})));
  EXPECT_THAT(sweep.values_of(*find_field("data.D")),
              ElementsAre(Value(std::int64_t{1}), Value(std::int64_t{2})));
  EXPECT_THAT(sweep.seeds, ElementsAre(7, 3));
  EXPECT_THAT(sweep_of(two_grids, {.seeds = "3"}).seeds, ElementsAre(0, 1, 2));
  EXPECT_THAT(sweep_of(two_grids, {.seeds = "[3]"}).seeds, ElementsAre(3));
  EXPECT_THAT(sweep_of("", {.axes = {"model.system=minimal,one_layer"}})
                  .values_of(*find_field("model.system")),
              ElementsAre(Value(std::string("minimal")), Value(std::string("one_layer"))));
}

struct Refused {
  std::string text;
  std::string message;
  Change change = {};
};

std::ostream& operator<<(std::ostream& out, const Refused& r) { return out << r.message; }

class RefusedSweepTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedSweepTest, SaysWhatIsWrong) {
  try {
    (void)sweep_of(GetParam().text, GetParam().change);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Grids, RefusedSweepTest,
    testing::Values(
        Refused{"[sweep]\ngrid = 3", "sweep.toml:2: grid: expected tables, each under a line"},
        Refused{"[sweep]\ngrid = [1, {}]", "sweep.toml:2: grid: expected tables"},
        Refused{"[[sweep.grid]]\ndata.Q = 3", "sweep.toml:2: unknown key \"data.Q\""},
        Refused{"[[sweep.grid]]\ndata.N = 1", "sweep.toml:2: data.N: expected an integer from 2"},
        Refused{"[[sweep.grid]]\ntrain.seed = [1, 2]", "sweep.toml:2: train.seed: all grids have"},
        Refused{"[[sweep.grid]]\nrecord.publish_seconds = 1",
                "sweep.toml:2: record.publish_seconds is no axis"},
        Refused{two_grids, "--axis data.N: expected KEY=VALUES", {.axes = {"data.N"}}},
        Refused{two_grids, "--axis data.N=: the value is missing", {.axes = {"data.N="}}},
        Refused{two_grids, "--axis data.N=2,: the value is missing", {.axes = {"data.N=2,"}}},
        Refused{two_grids, "--axis data.N=1,2: data.N: expected", {.axes = {"data.N=1,2"}}},
        Refused{two_grids, "--axis data.n=2: unknown key \"data.n\"", {.axes = {"data.n=2"}}},
        Refused{two_grids, "--seeds 0: seeds = 0: expected a whole number", {.seeds = "0"}},
        Refused{two_grids, "--seeds many: seeds", {.seeds = "many"}}));

const std::string item = "[item]\ntitle = \"T\"\nquestion = \"Q?\"\n";
const std::string check =
    "[[check]]\nname = \"n\"\nquantity = \"q\"\nbounds = [0, inf]\nsource = \"s\"\n";

TEST(SweepDescriptions, ChangeNoRun) {
  EXPECT_EQ(sweep_of(item + check + "scales = [\"desk\"]\nnote = \"x\"\n[data]\nN = 30"),
            sweep_of("data.N = 30"));
}

INSTANTIATE_TEST_SUITE_P(
    Descriptions, RefusedSweepTest,
    testing::Values(
        Refused{"item = 3", "sweep.toml:1: item: expected a table"},
        Refused{"[item]\ntitle = \"T\"", "sweep.toml:1: [item] lacks question"},
        Refused{item + "fig = \"2\"", "sweep.toml:4: unknown key \"fig\" in [item]; it may have"},
        Refused{item + "figure = 2", "sweep.toml:4: figure of [item]: expected a text"},
        Refused{"check = 3", "sweep.toml:1: check: expected tables, each under a line [[check]]"},
        Refused{"[[check]]\nname = \"n\"", "sweep.toml:1: [[check]] lacks quantity"},
        Refused{check + "bound = 1", "sweep.toml:6: unknown key \"bound\" in [[check]]"},
        Refused{check + check, "sweep.toml:6: two checks are named \"n\""},
        Refused{check + "scales = \"desk\"", "sweep.toml:6: scales of [[check]]: expected a list"},
        Refused{"[[check]]\nbounds = [2, 1]", "bounds of [[check]]: expected [low, high], two"},
        Refused{"[[check]]\nbounds = [nan, 1]", "bounds of [[check]]: expected [low, high]"},
        Refused{"[[check]]\nbounds = [1]", "bounds of [[check]]: expected [low, high]"},
        Refused{"[[check]]\nbounds = [\"a\", 1]", "bounds of [[check]]: expected [low, high]"}));

}  // namespace
}  // namespace icl::config
