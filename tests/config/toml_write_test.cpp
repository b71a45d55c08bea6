#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "icl/config/fields.hpp"
#include "icl/config/toml.hpp"

namespace icl::config {
namespace {

TEST(ToToml, GroupsKeysBySectionAndSaysWhatIsNotSet) {
  Config config;
  config.data.K = Diversity::infinity();
  config.train.learning_rate = 1;
  config.seed.items = 5;
  EXPECT_EQ(to_toml(config), R"([model]
system = "one_layer"
hidden = 512

[data]
K = inf
N = 100
D = 63

[train]
seed = 0
epochs = 1000
steps_per_epoch = 469
batch_size = 128
learning_rate = 1.0
weight_decay_attention = 1e-10
weight_decay_mlp = 1e-10

[eval]
sequences = 2000

[stop]
# icl_accuracy is not set: train for all epochs

[record]
snapshots = 12
# publish_seconds is not set: at least 5 s, and so rarely that publishing takes at most 0.5 % of the run time

[seed]
# init is not set: derived from train.seed
items = 5
# data is not set: derived from train.seed
# eval is not set: derived from train.seed
)");
}

/// Values that a careless writer would round, or write as another type.
std::vector<Value> awkward_values(const Field& field) {
  if (std::holds_alternative<NumberAccess>(field.access)) {
    return {5e-324, 0.1, 1.0 / 3.0, 1.0, 1e15, 9007199254740991.0};
  }
  if (std::holds_alternative<OptionalNumberAccess>(field.access)) {
    return {Value(), 0.1, 1.0 / 3.0, 5e-324, 1.0 - std::numeric_limits<double>::epsilon() / 2};
  }
  if (std::holds_alternative<DiversityAccess>(field.access)) {
    return {std::int64_t{100}, std::int64_t{2147483646}, std::numeric_limits<double>::infinity()};
  }
  if (const auto* integer = std::get_if<IntegerAccess>(&field.access)) {
    return {integer->range.low, integer->range.high};
  }
  if (const auto* integer = std::get_if<OptionalIntegerAccess>(&field.access)) {
    return {Value(), integer->range.low, integer->range.high};
  }
  return {std::string(std::get<ChoiceAccess>(field.access).choices.front())};
}

TEST(ToToml, RoundTripsEveryField) {
  for (const Field& field : fields()) {
    for (const Value& value : awkward_values(field)) {
      Config config;
      config.data.K = Diversity::infinity();  // fits any N
      config.train.epochs = 1;                // fits any steps_per_epoch
      config.train.steps_per_epoch = 1;
      set(field, value, config);
      const Config read = parse(to_toml(config), "stored");
      EXPECT_EQ(read, config) << field.name << " = " << to_text(value);
      EXPECT_EQ(get(field, read), value) << field.name;
    }
  }
}

}  // namespace
}  // namespace icl::config
