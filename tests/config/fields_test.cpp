#include "icl/config/fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <ostream>
#include <set>
#include <type_traits>

#include "icl/core/error.hpp"

namespace icl::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Value integer(std::int64_t x) { return x; }

// Counting the members of an aggregate: Plain initialises any member but an optional, Optional
// those.
template <typename T>
constexpr bool is_optional = false;
template <typename T>
constexpr bool is_optional<std::optional<T>> = true;

struct Plain {
  template <typename T>
  requires(!is_optional<T>) operator T() const {  // NOLINT(google-explicit-constructor)
    std::abort();                                 // only its type is ever used
  }
};
struct Optional {
  template <typename T>
  requires is_optional<T>
  operator T() const {  // NOLINT(google-explicit-constructor)
    std::abort();       // only its type is ever used
  }
};

template <typename T, typename... Inits>
constexpr std::size_t member_count() {
  if constexpr (requires { T{Inits{}..., Plain{}}; }) {
    return member_count<T, Inits..., Plain>();
  } else if constexpr (requires { T{Inits{}..., Optional{}}; }) {
    return member_count<T, Inits..., Optional>();
  } else {
    return sizeof...(Inits);
  }
}

TEST(Fields, DescribeEveryMemberOfConfig) {
  static_assert(member_count<Config>() == 7, "count the new section below");
  EXPECT_EQ(sections().size(), member_count<Config>());
  EXPECT_EQ(fields().size(), member_count<Model>() + member_count<Data>() + member_count<Train>() +
                                 member_count<Eval>() + member_count<Stop>() +
                                 member_count<Record>() + member_count<Seed>());
}

TEST(Fields, HaveNameAndDocThatTablesCanShow) {
  std::set<std::string_view> names;
  for (const Field& field : fields()) {
    SCOPED_TRACE(field.name);
    EXPECT_TRUE(names.insert(field.name).second) << "described twice";
    EXPECT_FALSE(field.doc.empty());
    EXPECT_THAT(field.doc, testing::Not(testing::EndsWith(".")));
    const bool absent = std::holds_alternative<std::monostate>(get(field, Config{}));
    EXPECT_EQ(field.when_absent.empty(), !absent);
  }
}

TEST(Fields, AreFoundByNameAndSplitInSectionAndKey) {
  for (const Field& field : fields()) {
    EXPECT_EQ(find_field(field.name), &field);
    EXPECT_EQ(std::string(section_of(field)) + "." + std::string(key_of(field)), field.name);
  }
  EXPECT_EQ(key_of(*find_field("train.seed")), "seed");
}

TEST(Fields, FindOnlyExactNames) {
  EXPECT_EQ(find_field("seed"), nullptr);
  EXPECT_EQ(find_field("train"), nullptr);
  EXPECT_EQ(find_field("data.k"), nullptr);
  EXPECT_EQ(find_field(""), nullptr);
}

// A row that reads or writes another row's member would pass a round trip, but not this.
TEST(Fields, NameTheMemberThatTheyAccess) {
  Config config;
  const auto write = [&config](std::string_view name, const Value& value) {
    set(*find_field(name), value, config);
    EXPECT_EQ(get(*find_field(name), config), value) << name;
  };
  write("model.hidden", integer(2));
  write("data.K", integer(400));
  write("data.N", integer(4));
  write("data.D", integer(5));
  write("train.seed", integer(6));
  write("train.epochs", integer(7));
  write("train.steps_per_epoch", integer(8));
  write("train.batch_size", integer(9));
  write("train.learning_rate", 10.5);
  write("train.weight_decay_attention", 11.5);
  write("train.weight_decay_mlp", 12.5);
  write("eval.sequences", integer(13));
  write("stop.icl_accuracy", 0.75);
  write("record.snapshots", integer(15));
  write("record.publish_seconds", 16.5);
  write("seed.init", integer(17));
  write("seed.items", integer(18));
  write("seed.data", integer(19));
  write("seed.eval", integer(20));
  const Config expected{.model = {.system = "one_layer", .hidden = 2},
                        .data = {.K = 400, .N = 4, .D = 5},
                        .train = {.seed = 6,
                                  .epochs = 7,
                                  .steps_per_epoch = 8,
                                  .batch_size = 9,
                                  .learning_rate = 10.5,
                                  .weight_decay_attention = 11.5,
                                  .weight_decay_mlp = 12.5},
                        .eval = {.sequences = 13},
                        .stop = {.icl_accuracy = 0.75},
                        .record = {.snapshots = 15, .publish_seconds = 16.5},
                        .seed = {.init = 17, .items = 18, .data = 19, .eval = 20}};
  EXPECT_EQ(config, expected);
}

TEST(Fields, OptionalKeysCanBeUnset) {
  Config config;
  config.stop.icl_accuracy = 0.5;
  config.seed.eval = 3;
  set(*find_field("stop.icl_accuracy"), Value(), config);
  set(*find_field("seed.eval"), Value(), config);
  EXPECT_EQ(config, Config{});
}

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
    testing::Values(Conversion{"train.seed", 1e5, integer(100000)},
                    Conversion{"train.seed", integer(0), integer(0)},
                    Conversion{"train.seed", 9007199254740991.0, integer(9007199254740991)},
                    Conversion{"seed.data", integer(9007199254740991), integer(9007199254740991)},
                    Conversion{"seed.data", 2.0, integer(2)},
                    Conversion{"train.learning_rate", integer(1), 1.0},
                    Conversion{"train.learning_rate", 5e-324, 5e-324},
                    Conversion{"train.weight_decay_mlp", integer(0), 0.0},
                    Conversion{"stop.icl_accuracy", 0.999, 0.999},
                    Conversion{"record.publish_seconds", integer(0), 0.0},
                    Conversion{"record.snapshots", integer(0), integer(0)},
                    Conversion{"record.snapshots", integer(10000), integer(10000)},
                    Conversion{"train.epochs", integer(4294967295), integer(4294967295)},
                    Conversion{"eval.sequences", integer(10000000), integer(10000000)},
                    Conversion{"data.K", integer(2), integer(2)},
                    Conversion{"data.K", 1e5, integer(100000)},
                    Conversion{"data.K", integer(2147483646), integer(2147483646)},
                    Conversion{"data.K", infinity, infinity}, Conversion{"data.K", "inf", infinity},
                    Conversion{"data.N", integer(2), integer(2)},
                    Conversion{"data.N", integer(65536), integer(65536)}));

struct Rejection {
  std::string_view name;
  Value value;
  std::string_view message;
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
    EXPECT_EQ(std::string_view(error.what()), message);
  }
  EXPECT_EQ(config, Config{});
}

INSTANTIATE_TEST_SUITE_P(
    Values, RejectedTest,
    testing::Values(
        Rejection{"model.system", "two_layer",
                  "model.system: expected one of: one_layer, found the string \"two_layer\""},
        Rejection{"model.system", integer(1),
                  "model.system: expected one of: one_layer, found the integer 1"},
        Rejection{"model.system", Value(),
                  "model.system: expected one of: one_layer, found no value"},
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
        Rejection{
            "train.learning_rate", integer(0),
            "train.learning_rate: expected a finite number > 0 and <= 1e+20, found the integer 0"},
        Rejection{
            "train.learning_rate", infinity,
            "train.learning_rate: expected a finite number > 0 and <= 1e+20, found the float inf"},
        Rejection{
            "train.learning_rate", nan,
            "train.learning_rate: expected a finite number > 0 and <= 1e+20, found the float nan"},
        Rejection{"train.learning_rate", "inf",
                  "train.learning_rate: expected a finite number > 0 and <= 1e+20, found the "
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
  EXPECT_EQ(to_text(Value()), "not set");
}

TEST(Validate, AcceptsTheDefaultsAndTheEdges) {
  Config config;
  EXPECT_NO_THROW(validate(config));
  config.data.K = config.data.N;
  EXPECT_NO_THROW(validate(config));
  config.data.K = Diversity::infinity();
  config.data.N = 65536;
  EXPECT_NO_THROW(validate(config));
  config.train.epochs = 65537;
  config.train.steps_per_epoch = 65535;  // 2^32 - 1 steps
  EXPECT_NO_THROW(validate(config));
}

template <typename Edit>
std::string validation_error(Edit edit) {
  Config config;
  edit(config);
  try {
    validate(config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "accepted";
}

TEST(Validate, ChecksEachRange) {
  EXPECT_THAT(
      validation_error([](Config& c) { c.train.learning_rate = nan; }),
      HasSubstr(
          "train.learning_rate: expected a finite number > 0 and <= 1e+20, found the float nan"));
  EXPECT_THAT(validation_error([](Config& c) { c.stop.icl_accuracy = nan; }),
              HasSubstr("stop.icl_accuracy: expected a finite number > 0 and < 1"));
  EXPECT_THAT(validation_error([](Config& c) { c.data.K = 101; }),
              HasSubstr("data.K: expected an even integer"));
  EXPECT_THAT(validation_error([](Config& c) { c.train.steps_per_epoch = 0; }),
              HasSubstr("train.steps_per_epoch: expected an integer from 1"));
  EXPECT_THAT(validation_error([](Config& c) { c.model.system = ""; }),
              HasSubstr("model.system: expected one of: one_layer"));
}

TEST(Validate, NeedsAsManyItemsAsAnIwlSequenceDraws) {
  EXPECT_EQ(validation_error([](Config& c) { c.data.K = 98; }),
            "data.K = 98 must be at least data.N = 100, because IWL evaluation draws N distinct "
            "items");
}

TEST(Validate, NeedsFewerThanTwoToThe32Steps) {
  const auto message = validation_error([](Config& c) {
    c.train.epochs = 65536;
    c.train.steps_per_epoch = 65536;
  });
  EXPECT_THAT(message, AllOf(HasSubstr("train.epochs = 65536"),
                             HasSubstr("train.steps_per_epoch = 65536"), HasSubstr("2^32")));
  EXPECT_THAT(validation_error([](Config& c) {
                c.train.epochs = 4294967295;
                c.train.steps_per_epoch = 4294967295;
              }),
              HasSubstr("2^32"));
}

TEST(FindConflict, NamesTheFieldsThatDisagree) {
  Config config;
  EXPECT_FALSE(find_conflict(config));
  config.data.N = 10002;
  ASSERT_TRUE(find_conflict(config));
  EXPECT_THAT(find_conflict(config)->keys, testing::ElementsAre("data.K", "data.N"));
}

}  // namespace
}  // namespace icl::config
