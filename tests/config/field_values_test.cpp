#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>

#include "icl/config/field_values.hpp"
#include "icl/config/spelling.hpp"
#include "icl/core/error.hpp"

namespace icl::config {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Value integer(std::int64_t x) { return x; }

struct Conversion {
  std::string_view name;
  Value value;
  Value stored;
};

std::ostream& operator<<(std::ostream& stream, const Conversion& conversion) {
  return stream << conversion.name << " = " << to_text(conversion.value);
}

class AcceptedTest : public testing::TestWithParam<Conversion> {};

TEST_P(AcceptedTest, IsStored) {
  const auto& [name, value, stored] = GetParam();
  Config config;
  set(*find_field(name), value, config);
  EXPECT_EQ(get(*find_field(name), config), stored) << name << " = " << to_text(value);
}

INSTANTIATE_TEST_SUITE_P(
    Values, AcceptedTest,
    testing::Values(
        Conversion{"train.seed", 1e5, integer(100000)},
        Conversion{"train.seed", integer(0), integer(0)},
        Conversion{"train.seed", 9007199254740991.0, integer(9007199254740991)},
        Conversion{"seed.data", integer(9007199254740991), integer(9007199254740991)},
        Conversion{"seed.data", 2.0, integer(2)},
        Conversion{"train.learning_rate", integer(1), 1.0},
        Conversion{"train.learning_rate", 1e-37, 1e-37},
        Conversion{"train.weight_decay_mlp", 5e-324, 5e-324},
        Conversion{"train.weight_decay_mlp", integer(0), 0.0},
        Conversion{"stop.icl_accuracy", 0.999, 0.999},
        Conversion{"record.publish_seconds", integer(0), 0.0},
        Conversion{"record.snapshots", integer(0), integer(0)},
        Conversion{"record.snapshots", integer(10000), integer(10000)},
        Conversion{"train.epochs", integer(4294967295), integer(4294967295)},
        Conversion{"eval.sequences", integer(10000000), integer(10000000)},
        Conversion{"data.K", integer(2), integer(2)}, Conversion{"data.K", 1e5, integer(100000)},
        Conversion{"data.K", integer(2147483646), integer(2147483646)},
        Conversion{"data.K", infinity, infinity}, Conversion{"data.K", "inf", infinity},
        Conversion{"data.N", integer(2), integer(2)},
        Conversion{"data.N", integer(65536), integer(65536)},
        Conversion{"model.beta0", integer(-1000), -1000.0}, Conversion{"model.w0", 1000.0, 1000.0},
        Conversion{"model.attend_self", true, true}, Conversion{"eval.refine", false, false},
        Conversion{"data.bursty", integer(0), 0.0}, Conversion{"data.bursty", integer(1), 1.0},
        Conversion{"train.adam_beta1", integer(0), 0.0},
        Conversion{"eval.every", integer(0), integer(0)},
        Conversion{"probe.sequences", integer(0), integer(0)},
        Conversion{"data.items", "f.h5:/x", "f.h5:/x"},
        Conversion{"data.items", "/a b/c:/d.h5:/x/y", "/a b/c:/d.h5:/x/y"},
        Conversion{"probe.record", std::string(4096, 'x'), std::string(4096, 'x')},
        Conversion{"intervene.freeze", "mlp.0.weight@:5, w", "mlp.0.weight@:5, w"},
        Conversion{"intervene.clamp",
                   "copy@:5,uniform@5:7,none@7:", "copy@:5, uniform@5:7, none@7:"},
        Conversion{"intervene.rate", "attention*0.5@7:", "attention*0.5@7:"}));

// All spellings of a list are one value, and so one run; those that runs were known by before there
// was one spelling are it.
INSTANTIATE_TEST_SUITE_P(
    Lists, AcceptedTest,
    testing::Values(
        Conversion{"probe.record", "memorisation effective", "memorisation effective"},
        Conversion{"probe.record", " effective,memorisation , effective", "memorisation effective"},
        Conversion{"probe.record", "wings norms effective", "effective norms wings"},
        Conversion{"probe.record", ",", ","},
        Conversion{"record.activations", "attention, logit", "logit attention"},
        Conversion{"record.snapshot_steps", "9,5, 5:6 ,:3,40:", "0:3, 5, 9, 40:"},
        Conversion{"record.snapshot_steps", "7:90:10,0:100:1,::25", "0:100, 0::25, 7:90:10"},
        Conversion{"intervene.freeze",
                   "attention , mlp.0@0:10,attention@:", "mlp.0@:10, attention"},
        Conversion{"intervene.clamp", "none@ 9:12 ,copy@0:5", "copy@:5, none@9:12"},
        Conversion{"intervene.rate", "b*1.0@0:,a *  1e-3,b*.5@2:4", "b*1, a*0.001, b*0.5@2:4"}));

TEST(Spelling, OfWhatIsKeptIsKept) {
  for (const Field& field : fields()) {
    for (const char* words :
         {"b, a", "norms effective", "9:12, :5", "b*2@3:, a*0.25", "a.h5:/x", "none@7:, copy@:7"}) {
      const std::string kept = spelled(field.name, words);
      EXPECT_EQ(spelled(field.name, kept), kept) << field.name;
    }
  }
}

TEST(Spelling, IsKnownOfEveryList) {
  for (const Field& field : fields()) {
    const auto* text = std::get_if<TextAccess>(&field.access);
    if (text == nullptr || !text->form.ends_with(", ...")) continue;
    Config scratch;
    int respelled_texts = 0;
    for (const char* words : {"norms,effective", "query,logit", "9,5", "b@3:,a@1:",
                              "none@3:,copy@1:3", "b*2,a*3", "a support=3 items=novel"}) {
      if (!text->edit(scratch, words)) continue;
      respelled_texts += spelled(field.name, words) == words ? 0 : 1;
    }
    EXPECT_GT(respelled_texts, 0) << field.name << " has no row in src/config/spelling.cpp";
  }
}

TEST(Spelling, ThatIsTooLongToBeReadAgainIsRefused) {
  std::string steps = "0";
  for (int last = 2; steps.size() + 6 < 4096; ++last) steps += fmt::format(",:{}", last);
  Config config;
  EXPECT_THROW(set(*find_field("record.snapshot_steps"), steps, config), Error);
  EXPECT_EQ(config, Config{});
}

TEST(Respelled, ListsAreSpelledAsSetDoes) {
  Config config;
  config.train.seed = 3;
  config.probe.record = "norms, effective";
  config.record.snapshot_steps = "9,5";
  Config expected = config;
  expected.probe.record = "effective norms";
  expected.record.snapshot_steps = "5, 9";
  EXPECT_EQ(respelled(config), expected);
}

struct Rejection {
  std::string_view name;
  Value value;
  std::string message;
};

std::ostream& operator<<(std::ostream& stream, const Rejection& rejection) {
  return stream << rejection.name << " = " << to_text(rejection.value);
}

class RejectedTest : public testing::TestWithParam<Rejection> {};

TEST_P(RejectedTest, ErrorNamesKeyRangeAndValueAndChangesNothing) {
  const auto& [name, value, message] = GetParam();
  Config config;
  try {
    set(*find_field(name), value, config);
    ADD_FAILURE() << name << " accepts " << to_text(value);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_EQ(error.what(), message);
  }
  EXPECT_EQ(config, Config{});
}

const std::string system_expected =
    "model.system: expected one of: one_layer, multi_layer, scalar_beta, minimal, memoriser, "
    "blocks, found ";

INSTANTIATE_TEST_SUITE_P(
    Numbers, RejectedTest,
    testing::Values(
        Rejection{"model.layers", integer(65),
                  "model.layers: expected an integer from 1 to 64, found the integer 65"},
        Rejection{"model.beta0", -1000.5,
                  "model.beta0: expected a finite number >= -1000 and <= 1000, found the float "
                  "-1000.5"},
        Rejection{"data.bursty", 1.5,
                  "data.bursty: expected a finite number >= 0 and <= 1, found the float 1.5"},
        Rejection{"data.zipf", nan,
                  "data.zipf: expected a finite number >= 0 and <= 100, found the float nan"},
        Rejection{"data.noise", infinity,
                  "data.noise: expected a finite number >= 0 and <= 1000000, found the float inf"},
        Rejection{"data.novel_fraction", integer(1),
                  "data.novel_fraction: expected a finite number > 0 and < 1, found the integer 1"},
        Rejection{"train.adam_beta1", 1.0,
                  "train.adam_beta1: expected a finite number >= 0 and < 1, found the float 1.0"},
        Rejection{
            "train.adam_epsilon", 0.0,
            "train.adam_epsilon: expected a finite number >= 1e-37 and < 1, found the float 0.0"},
        Rejection{"eval.every", integer(-1),
                  "eval.every: expected an integer from 0 to 2^32-1, found the integer -1"},
        Rejection{"record.snapshot_every", integer(0),
                  "record.snapshot_every: expected an integer from 1 to 2^32-1, found the integer "
                  "0"},
        Rejection{"train.seed", true,
                  "train.seed: expected an integer from 0 to 2^53-1, found the boolean true"},
        Rejection{"data.K", false,
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the boolean "
                  "false"}));

const std::string switch_expected = "model.attend_self: expected a boolean, found ";
const std::string items_expected = "data.items: expected text of the form FILE.h5:/DATASET, found ";
const std::string freeze_expected =
    "intervene.freeze: expected text of the form NAME@FIRST:LAST, ..., found ";
const std::string clamp_expected =
    "intervene.clamp: expected text of the form WORD@FIRST:LAST or WORD/LAYER.HEAD@FIRST:LAST, "
    "..., "
    "found ";
const std::string rate_expected =
    "intervene.rate: expected text of the form NAME*FACTOR@FIRST:LAST, ..., found ";
const std::string probes_expected = "probe.record: expected text of the form NAME, ..., found ";
const std::string long_text(4097, 'x');

INSTANTIATE_TEST_SUITE_P(
    SwitchesAndTexts, RejectedTest,
    testing::Values(
        Rejection{"model.attend_self", integer(1), switch_expected + "the integer 1"},
        Rejection{"model.attend_self", "true", switch_expected + "the string \"true\""},
        Rejection{"model.attend_self", Value(), switch_expected + "no value"},
        Rejection{"data.items", true, items_expected + "the boolean true"},
        Rejection{"data.items", 0.5, items_expected + "the float 0.5"},
        Rejection{"data.items", "f.h5", items_expected + "the string \"f.h5\""},
        Rejection{"data.items", "f.h5:x", items_expected + "the string \"f.h5:x\""},
        Rejection{"data.items", ":/x", items_expected + "the string \":/x\""},
        Rejection{"data.items", "f.h5:/", items_expected + "the string \"f.h5:/\""},
        Rejection{"data.items", "f\".h5:/x", items_expected + "the string \"f\".h5:/x\""},
        Rejection{"data.items", "f\\.h5:/x", items_expected + "the string \"f\\.h5:/x\""},
        Rejection{"data.items", "f\n.h5:/x", items_expected + "the string \"f\n.h5:/x\""},
        Rejection{"data.items", "f\x7f.h5:/x", items_expected + "the string \"f\x7f.h5:/x\""},
        Rejection{"probe.record", "", probes_expected + "the string \"\""},
        Rejection{"probe.record", long_text, probes_expected + "the string \"" + long_text + '"'},
        Rejection{"intervene.freeze", "w*2", freeze_expected + "the string \"w*2\""},
        Rejection{"intervene.freeze", "", freeze_expected + "the string \"\""},
        Rejection{"intervene.clamp", "w", clamp_expected + "the string \"w\""},
        Rejection{"intervene.clamp", "copy, learned",
                  clamp_expected + "the string \"copy, learned\""},
        Rejection{"intervene.rate", "w", rate_expected + "the string \"w\""}));

INSTANTIATE_TEST_SUITE_P(
    Values, RejectedTest,
    testing::Values(
        Rejection{"model.system", "two_layer", system_expected + "the string \"two_layer\""},
        Rejection{"model.system", integer(1), system_expected + "the integer 1"},
        Rejection{"model.system", Value(), system_expected + "no value"},
        Rejection{"model.hidden", integer(0),
                  "model.hidden: expected an integer from 1 to 65536, found the integer 0"},
        Rejection{"model.hidden", integer(65537),
                  "model.hidden: expected an integer from 1 to 65536, found the integer 65537"},
        Rejection{"data.K", integer(3),
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the integer 3"},
        Rejection{"data.K", integer(0),
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the integer 0"},
        Rejection{"data.K", integer(2147483648),
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the integer "
                  "2147483648"},
        Rejection{"data.K", -infinity,
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the float "
                  "-inf"},
        Rejection{"data.K", nan,
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the float nan"},
        Rejection{"data.K", "many",
                  "data.K: expected an even integer from 2 to 2^31-2, or inf, found the string "
                  "\"many\""},
        Rejection{"data.N", integer(1),
                  "data.N: expected an integer from 2 to 65536, found the integer 1"},
        Rejection{"data.D", 1.5,
                  "data.D: expected an integer from 1 to 65536, found the float 1.5"},
        Rejection{"train.seed", integer(-1),
                  "train.seed: expected an integer from 0 to 2^53-1, found the integer -1"},
        Rejection{"train.seed", integer(9007199254740992),
                  "train.seed: expected an integer from 0 to 2^53-1, found the integer "
                  "9007199254740992"},
        Rejection{"train.seed", 1e300,
                  "train.seed: expected an integer from 0 to 2^53-1, found the float 1e+300"},
        Rejection{"train.seed", nan,
                  "train.seed: expected an integer from 0 to 2^53-1, found the float nan"},
        Rejection{"train.seed", Value(),
                  "train.seed: expected an integer from 0 to 2^53-1, found no value"},
        Rejection{"seed.items", "7",
                  "seed.items: expected an integer from 0 to 2^53-1, found the string \"7\""},
        Rejection{"train.epochs", integer(0),
                  "train.epochs: expected an integer from 1 to 2^32-1, found the integer 0"},
        Rejection{"train.learning_rate", integer(0),
                  "train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, found the "
                  "integer 0"},
        Rejection{"train.learning_rate", infinity,
                  "train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, found the "
                  "float inf"},
        Rejection{"train.learning_rate", nan,
                  "train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, found the "
                  "float nan"},
        Rejection{"train.learning_rate", "inf",
                  "train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, found the "
                  "string \"inf\""},
        Rejection{"train.weight_decay_mlp", -1e-10,
                  "train.weight_decay_mlp: expected a finite number >= 0 and <= 1e+16, found the "
                  "float -1e-10"},
        Rejection{"stop.icl_accuracy", 1.0,
                  "stop.icl_accuracy: expected a finite number > 0 and < 1, found the float 1.0"},
        Rejection{"stop.icl_accuracy", 0.0,
                  "stop.icl_accuracy: expected a finite number > 0 and < 1, found the float 0.0"},
        Rejection{"record.publish_seconds", infinity,
                  "record.publish_seconds: expected a finite number >= 0 and <= 1000000, found the "
                  "float inf"},
        Rejection{"record.snapshots", integer(10001),
                  "record.snapshots: expected an integer from 0 to 10000, found the integer "
                  "10001"}));

TEST(Fields, NegativeZeroIsStoredAsZero) {
  Config config;
  set(*find_field("train.weight_decay_mlp"), -0.0, config);
  EXPECT_FALSE(std::signbit(config.train.weight_decay_mlp));
}

TEST(ToText, IsTheShortestTomlOfTheSameType) {
  EXPECT_EQ(to_text(1.0), "1.0");
  EXPECT_EQ(to_text(-3.0), "-3.0");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(1e-10), "1e-10");
  EXPECT_EQ(to_text(1e22), "1e+22");
  EXPECT_EQ(to_text(infinity), "inf");
  EXPECT_EQ(to_text(integer(-7)), "-7");
  EXPECT_EQ(to_text("one_layer"), "\"one_layer\"");
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(false), "false");
  EXPECT_EQ(to_text(Value()), "not set");
}

TEST(RangeText, SaysWhatMayBeWritten) {
  const auto text = [](std::string_view name) { return range_text(*find_field(name)); };
  EXPECT_EQ(text("model.system"),
            "one_layer, multi_layer, scalar_beta, minimal, memoriser, blocks");
  EXPECT_EQ(text("model.w0"), ">= -1000 and <= 1000");
  EXPECT_EQ(text("model.attend_self"), "true, false");
  EXPECT_EQ(text("data.items"), "FILE.h5:/DATASET");
  EXPECT_EQ(text("eval.every"), "0 to 2^32-1");
}

}  // namespace
}  // namespace icl::config
