#include "icl/config/toml.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <vector>

#include "config/toml_texts.hpp"
#include "icl/core/error.hpp"
#include "support/errors.hpp"

namespace icl::config {
namespace {

using test::Outcome;
using test::outcome_of;
using testing::HasSubstr;

TEST(Parse, EmptyTextGivesTheDefaults) { EXPECT_EQ(parse("", "run.toml"), Config{}); }

TEST(Parse, TakesNestedDottedAndInlineTables) {
  Config expected;
  expected.train.seed = 7;
  expected.data.N = 10;
  for (const std::string_view text :
       {"[train]\nseed = 7\n[data]\nN = 10\n", "train.seed = 7\ndata.N = 10\n",
        "train = { seed = 7 }\ndata = { N = 10 }\n",
        "\xEF\xBB\xBF[data]\r\nN = 10\r\n[train]\r\nseed = 7\r\n[eval]\r\n"}) {
    EXPECT_EQ(parse(text, "run.toml"), expected) << text;
  }
}

TEST(Parse, TakesEvaluatorsAsTables) {
  const Config config = parse(
      "[eval]\nsequences = 10\n[[eval.set]]\nname = \"old\"\nitems = \"training\"\nlabels = "
      "\"flipped\"\ncopies = 3\n[[eval.set]]\nname = \"b\"\nsupport = 4\nitems = \"training\"\n",
      "run.toml");
  EXPECT_EQ(config.eval.sequences, 10);
  ASSERT_TRUE(config.eval.set);
  EXPECT_EQ(config.eval.set->text(),
            "old items=training labels=flipped copies=3, b items=training support=4");
  const std::vector<EvalSet>& sets = **config.eval.set;
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0], (EvalSet{"old", EvalItems::training, EvalLabels::flipped, 3, {}}));
  EXPECT_EQ(sets[1], (EvalSet{"b", EvalItems::training, EvalLabels::own, {}, 4}));
  for (const std::string_view text :
       {"eval.set = \"b support=4   items=training\"",
        "[[eval.set]]\nitems = \"training\"\nname = \"b\"\nlabels = \"own\"\nsupport = 4",
        "eval.set = [{name = \"b\", items = \"training\", support = 4}]"}) {
    EXPECT_EQ(parse(text, "run.toml").eval.set->text(), "b items=training support=4") << text;
  }
}

TEST(Parse, TakesIntegersForFloatsAndIntegralFloatsForIntegers) {
  const Config config = parse(
      "train.learning_rate = 1\ntrain.epochs = 1e3\ndata.K = 1e5\nstop.icl_accuracy = 0.99", "f");
  EXPECT_EQ(config.train.learning_rate, 1.0);
  EXPECT_EQ(config.train.epochs, 1000);
  EXPECT_EQ(config.data.K, Diversity(100000));
  EXPECT_EQ(config.stop.icl_accuracy, 0.99);
}

TEST(Parse, TakesInfiniteDiversityAsFloatAndAsString) {
  EXPECT_TRUE(parse("data.K = inf", "f").data.K.is_infinite());
  EXPECT_TRUE(parse("data.K = \"inf\"", "f").data.K.is_infinite());
}

struct BadText {
  std::string text;
  std::string message;  ///< the whole message
};

std::ostream& operator<<(std::ostream& stream, const BadText& bad) { return stream << bad.text; }

class BadTextTest : public testing::TestWithParam<BadText> {};

TEST_P(BadTextTest, IsAUsageErrorWithFileAndLine) {
  const auto outcome = outcome_of([] { return parse(GetParam().text, "run.toml"); });
  EXPECT_EQ(outcome.code, ExitCode::usage);
  EXPECT_EQ(outcome.message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Types, BadTextTest,
    testing::Values(
        BadText{"[train]\nseed = \"7\"", "run.toml:2: " + seed_expected + "the string \"7\""},
        BadText{"[train]\n\nseed = true", "run.toml:3: " + seed_expected + "the boolean true"},
        BadText{"train.seed = 1.5", "run.toml:1: " + seed_expected + "the float 1.5"},
        BadText{"train.seed = nan", "run.toml:1: " + seed_expected + "the float nan"},
        BadText{"train.seed = [1, 2]", "run.toml:1: " + seed_expected + "an array"},
        BadText{"train.seed = 1979-05-27", "run.toml:1: " + seed_expected + "a date"},
        BadText{"train.seed = 07:32:00", "run.toml:1: " + seed_expected + "a time"},
        BadText{"train.seed = 1979-05-27T07:32:00",
                "run.toml:1: " + seed_expected + "a date and time"},
        BadText{"train.seed = {}", "run.toml:1: " + seed_expected + "a table"},
        BadText{"[train.seed]\nx = 1", "run.toml:1: " + seed_expected + "a table"},
        BadText{"train.learning_rate = nan",
                "run.toml:1: train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, "
                "found "
                "the float "
                "nan"},
        BadText{"model.system = \"two_layer\"",
                "run.toml:1: model.system: expected one of: one_layer, multi_layer, scalar_beta, "
                "minimal, memoriser, blocks, found the string \"two_layer\""},
        BadText{"train = 3",
                "run.toml:1: train is a section with the keys train.seed, train.epochs, "
                "train.steps_per_epoch, train.batch_size, train.optimizer, train.learning_rate, "
                "train.weight_decay_attention, train.weight_decay_mlp, train.adam_beta1, "
                "train.adam_beta2, train.adam_epsilon, train.schedule, train.warmup, "
                "train.clip_norm, train.loss_at: expected a table, found an integer"},
        BadText{"[[eval]]\nsequences = 3",
                "run.toml:1: eval is a section, and a TOML file cannot have [eval] and [[eval]]: "
                "write [[eval.set]]"},
        BadText{"[[eval.set]]\nitems = \"novel\"",
                "run.toml:1: eval.set: expected text of the form NAME items=training|novel "
                "labels=own|flipped|novel copies=B support=M, ..., found an array"}));

INSTANTIATE_TEST_SUITE_P(
    UnknownKeys, BadTextTest,
    testing::Values(
        BadText{"[train]\nseed = 1\nlearnig_rate = 0.1",
                "run.toml:3: unknown key \"train.learnig_rate\"; did you mean "
                "train.learning_rate?"},
        BadText{"learning_rate = 0.1",
                "run.toml:1: unknown key \"learning_rate\"; did you mean train.learning_rate?"},
        BadText{"\n[trian]\nseed = 1",
                "run.toml:3: unknown key \"trian.seed\"; did you mean train.seed?"},
        BadText{"[optimizer]\nmomentum = 0.9",
                "run.toml:2: unknown key \"optimizer.momentum\"; icl keys lists them"},
        BadText{"[train.wings]\nspan = 0.9",
                "run.toml:1: unknown key \"train.wings\"; icl keys lists them"},
        BadText{"[optimizer]",
                "run.toml:1: unknown section [optimizer]; the sections are model, init, "
                "data, train, eval, probe, intervene, stop, record, seed, compat, blocks"},
        BadText{"\"train.seed\" = 1",
                "run.toml:1: the key \"train.seed\" has a dot in quotes: "
                "write it without quotes"},
        BadText{"\"\" = 1", "run.toml:1: unknown key \"\"; icl keys lists them"},
        // of several mistakes the one that stands first in the file
        BadText{"[train]\nzebra = 1\n[data]\nart = 1",
                "run.toml:2: unknown key \"train.zebra\"; icl keys lists them"}));

INSTANTIATE_TEST_SUITE_P(
    Conflicts, BadTextTest,
    testing::Values(BadText{"[data]\nN = 10\nK = 8",
                            "run.toml:3: data.K = 8 must be at least data.N = 10, because IWL "
                            "evaluation draws N distinct items"},
                    BadText{"[data]\nK = 8\n\nN = 10",
                            "run.toml:4: data.K = 8 must be at least data.N = 10, because IWL "
                            "evaluation draws N distinct items"},
                    BadText{"[data]\nK = 8",
                            "run.toml:2: data.K = 8 must be at least data.N = 100, because IWL "
                            "evaluation draws N distinct items"},
                    BadText{"[train]\nepochs = 65536\nsteps_per_epoch = 65536",
                            "run.toml:3: train.epochs = 65536 times train.steps_per_epoch = 65536 "
                            "must be less than 2^32 steps"}));

struct Malformed {
  std::string text;
  std::string where;
  std::string reason;
};

TEST(Parse, MalformedTomlNamesFileLineAndColumn) {
  const std::vector<Malformed> cases = {
      {"[train]\nseed = 010", "run.toml:2:11: ", "leading zeroes"},
      {"[train]\nseed =", "run.toml:2:7: ", "end-of-file"},
      {"[train\nseed = 1", "run.toml:1:7: ", "expected ']'"},
      {"[train]\nseed = 1\nseed = 2", "run.toml:3:8: ", "cannot redefine existing integer 'seed'"},
      {"[train]\nseed = one", "run.toml:2:8: ", "could not determine value type"},
      {"train.seed = 99999999999999999999", "run.toml:1:", "not representable in 64 bits"},
      {std::string("\x7F"
                   "ELF\0\0\1",
                   7),
       "run.toml:1:1: ", ""},
      {"# \xff\xfe", "run.toml:1:2: ", "invalid utf-8"},
      {"train.seed = " + std::string(20000, '['), "run.toml:1:", "nested"},
  };
  for (const auto& [text, where, reason] : cases) {
    const auto outcome = outcome_of([&text = text] { return parse(text, "run.toml"); });
    EXPECT_EQ(outcome.code, ExitCode::usage) << text;
    EXPECT_THAT(outcome.message, testing::StartsWith(where));
    EXPECT_THAT(outcome.message, HasSubstr(reason));
  }
}

TEST(Parse, RefusesTextOfMoreThan64KiB) {
  const std::string largest = "#" + std::string(65535, ' ');
  EXPECT_EQ(parse(largest, "run.toml"), Config{});
  const auto outcome = outcome_of([&] { return parse(largest + " ", "run.toml"); });
  EXPECT_EQ(outcome.code, ExitCode::bad_input);
  EXPECT_EQ(outcome.message, "run.toml: a configuration has at most 64 KiB");
}

// toml++ itself dies of a stack overflow: at some ten thousand parts, or 4,000 on a stack of 1 MiB.
TEST(Parse, SurvivesDeepKeys) {
  const auto deepest = outcome_of([] { return parse(key_of_depth(257) + " = 1", "run.toml"); });
  EXPECT_EQ(deepest.message, "run.toml:1: unknown key \"a.a\"; icl keys lists them");
  const auto repeated = [](std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  const std::string parts = key_of_depth(100);
  for (const std::string& text :
       {key_of_depth(258) + " = 1", key_of_depth(30000) + " = 1", "[" + key_of_depth(257) + "]",
        "a = " + repeated("{a = ", 257), "a = " + repeated("[", 257),
        "a = " + repeated("{" + parts + " = ", 3), repeated("a . ", 300) + "a = 1",
        repeated("'a'.\"b\".", 150) + "c = 1"}) {
    const auto deeper = outcome_of([&] { return parse("# [\n" + text, "run.toml"); });
    EXPECT_EQ(deeper.code, ExitCode::usage) << text;
    EXPECT_EQ(deeper.message, "run.toml:2: a key or value is nested more than 256 deep") << text;
  }
}

// Only what nests is counted: no dot or bracket of a string, a comment, a number, or a line before.
TEST(Parse, TakesAnyNumberOfDotsThatDoNotNest) {
  const std::string many(300, '.');
  const std::string open(300, '[');
  for (const std::string& text :
       {"# " + many + open, "[data] # " + many + "\nK = 8\n", "data.items = \"" + many + ":/x\"",
        "data.items = '" + open + ":/x' # \"", "data.items = '''" + many + "\"'\n''' # '"}) {
    EXPECT_THAT(outcome_of([&] { return parse(text, "run.toml"); }).message,
                testing::Not(HasSubstr("nested")))
        << text;
  }
  std::string fractions = "[sweep.axes]\ntrain.learning_rate = [";
  for (int i = 1; i < 5000; ++i) fractions += fmt::format("0.{},{}", i, i % 7 == 0 ? "\n" : "");
  EXPECT_THAT(outcome_of([&] { return parse(fractions + "0.1]\n", "run.toml"); }).message,
              HasSubstr("unknown section [sweep]"));
}

TEST(Parse, SaysThatAFileIsNotInUtf8) {
  for (const std::string& text :
       {std::string("\xff\xfe[\0d\0", 6), std::string("\xfe\xff\0[\0d", 6)}) {
    const auto outcome = outcome_of([&] { return parse(text, "run.toml"); });
    EXPECT_EQ(outcome.code, ExitCode::usage);
    EXPECT_EQ(outcome.message, "run.toml: the file is in UTF-16; TOML is in UTF-8");
  }
  EXPECT_EQ(parse("\xef\xbb\xbf[data]\r\nK = 200\r\n", "run.toml").data.K, 200);
}

}  // namespace
}  // namespace icl::config
