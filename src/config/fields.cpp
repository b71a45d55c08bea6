#include "icl/config/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include "icl/core/error.hpp"

namespace icl::config {
namespace {

constexpr std::int64_t power_of_two(int exponent) { return std::int64_t{1} << exponent; }

/// Integers up to here are exact in a double, hence in HDF5 readers for R and JavaScript.
constexpr std::int64_t max_seed = power_of_two(53) - 1;
constexpr std::int64_t max_steps = power_of_two(32) - 1;
constexpr std::int64_t max_count = power_of_two(31) - 1;
constexpr std::int64_t max_size = 65536;
constexpr std::int64_t max_snapshots = 10000;

template <auto section, auto key>
constexpr auto member() {
  using T = std::remove_cvref_t<decltype(std::declval<Config&>().*section.*key)>;
  return Member<T>{[](const Config& config) -> const T& { return config.*section.*key; },
                   [](Config& config) -> T& { return config.*section.*key; }};
}

constexpr std::array<std::string_view, 1> systems = {"one_layer"};
constexpr Range<std::int64_t> seed_range{0, max_seed};
// So that a rate, a decay and their product are finite in float.
constexpr Range<double> learning_rate{.low = 0, .high = 1e20, .low_bound = Bound::exclusive};
constexpr Range<double> decay{.low = 0, .high = 1e16};
constexpr Range<double> publish_seconds{.low = 0, .high = 1e6};
constexpr Range<double> between_0_and_1{
    .low = 0, .high = 1, .low_bound = Bound::exclusive, .high_bound = Bound::exclusive};

constexpr std::array table = {
    Field{"model.system", "", "The model to train",
          ChoiceAccess{member<&Config::model, &Model::system>(), systems}},
    Field{"model.hidden", "units", "Width of each hidden layer of the MLP",
          IntegerAccess{member<&Config::model, &Model::hidden>(), {1, max_size}}},
    Field{"data.K", "items",
          "Task diversity: the number of items in the training set; inf draws fresh items and "
          "labels for every sequence",
          DiversityAccess{member<&Config::data, &Data::K>(), {2, max_count - 1}}},
    Field{"data.N", "tokens",
          "Tokens in a sequence: N-1 items with their labels, then the target item",
          IntegerAccess{member<&Config::data, &Data::N>(), {2, max_size}}},
    Field{"data.D", "", "Dimension of an item",
          IntegerAccess{member<&Config::data, &Data::D>(), {1, max_size}}},
    Field{"train.seed", "", "The seed from which every seed that is not set is derived",
          IntegerAccess{member<&Config::train, &Train::seed>(), seed_range}},
    Field{"train.epochs", "epochs",
          "Length of the run; an evaluation is made at step 0 and after each epoch",
          IntegerAccess{member<&Config::train, &Train::epochs>(), {1, max_steps}}},
    Field{"train.steps_per_epoch", "steps", "Optimiser steps in an epoch",
          IntegerAccess{member<&Config::train, &Train::steps_per_epoch>(), {1, max_steps}}},
    Field{"train.batch_size", "sequences", "Sequences in one step",
          IntegerAccess{member<&Config::train, &Train::batch_size>(), {1, max_size}}},
    Field{"train.learning_rate", "", "Learning rate of SGD",
          NumberAccess{member<&Config::train, &Train::learning_rate>(), learning_rate}},
    Field{"train.weight_decay_attention", "",
          "L2 coefficient lambda, added to the gradient g as g + lambda*w, of the layer norm and "
          "the query, key and value matrices",
          NumberAccess{member<&Config::train, &Train::weight_decay_attention>(), decay}},
    Field{"train.weight_decay_mlp", "",
          "L2 coefficient lambda, added to the gradient g as g + lambda*w, of the MLP",
          NumberAccess{member<&Config::train, &Train::weight_decay_mlp>(), decay}},
    Field{"eval.sequences", "sequences", "Sequences of each kind, ICL and IWL, at each evaluation",
          IntegerAccess{member<&Config::eval, &Eval::sequences>(), {1, 10000000}}},
    Field{"stop.icl_accuracy", "",
          "Stop at the first evaluation whose ICL accuracy is greater than this",
          OptionalNumberAccess{member<&Config::stop, &Stop::icl_accuracy>(), between_0_and_1},
          "train for all epochs"},
    Field{"record.snapshots", "snapshots",
          "Log-spaced snapshots of all parameters, step 0 included; the final parameters are "
          "always recorded",
          IntegerAccess{member<&Config::record, &Record::snapshots>(), {0, max_snapshots}}},
    Field{
        "record.publish_seconds", "s", "Least time between two publications of the run file",
        OptionalNumberAccess{member<&Config::record, &Record::publish_seconds>(), publish_seconds},
        "at least 5 s, and so rarely that publishing takes at most 0.5 % of the run time"},
    Field{"seed.init", "", "Seed of the initial parameters",
          OptionalIntegerAccess{member<&Config::seed, &Seed::init>(), seed_range},
          "derived from train.seed"},
    Field{"seed.items", "", "Seed of the items and of their labels",
          OptionalIntegerAccess{member<&Config::seed, &Seed::items>(), seed_range},
          "derived from train.seed"},
    Field{"seed.data", "", "Seed of the training sequences",
          OptionalIntegerAccess{member<&Config::seed, &Seed::data>(), seed_range},
          "derived from train.seed"},
    Field{"seed.eval", "", "Seed of the evaluation sequences",
          OptionalIntegerAccess{member<&Config::seed, &Seed::eval>(), seed_range},
          "derived from train.seed"},
};

template <typename T>
bool contains(const Range<T>& range, T x) {
  const bool above = range.low_bound == Bound::inclusive ? x >= range.low : x > range.low;
  const bool below = range.high_bound == Bound::inclusive ? x <= range.high : x < range.high;
  return above && below;
}

std::optional<std::int64_t> number_in(const Value& value, const Range<std::int64_t>& range) {
  std::optional<std::int64_t> number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    number = *integer;
  } else if (const auto* real = std::get_if<double>(&value)) {
    const auto exact = static_cast<double>(power_of_two(53));
    if (std::abs(*real) <= exact && std::trunc(*real) == *real) {
      number = static_cast<std::int64_t>(*real);
    }
  }
  return number && contains(range, *number) ? number : std::nullopt;
}

std::optional<double> number_in(const Value& value, const Range<double>& range) {
  std::optional<double> number;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    number = *real + 0.0;  // -0.0 becomes 0.0, so that equal configurations are stored equally
  }
  return number && contains(range, *number) ? number : std::nullopt;
}

/// The assign functions return false, and change nothing, if the key cannot hold the value.
template <typename AnyNumber>
bool assign(const AnyNumber& access, const Value& value, Config& config) {
  constexpr bool optional = std::is_same_v<AnyNumber, OptionalIntegerAccess> ||
                            std::is_same_v<AnyNumber, OptionalNumberAccess>;
  if constexpr (optional) {
    if (std::holds_alternative<std::monostate>(value)) {
      access.member.edit(config).reset();
      return true;
    }
  }
  const auto number = number_in(value, access.range);
  if (number) {
    access.member.edit(config) = *number;
  }
  return number.has_value();
}

bool assign(const ChoiceAccess& access, const Value& value, Config& config) {
  const auto* text = std::get_if<std::string>(&value);
  const bool known =
      text != nullptr && std::ranges::find(access.choices, *text) != access.choices.end();
  if (known) {
    access.member.edit(config) = *text;
  }
  return known;
}

bool assign(const DiversityAccess& access, const Value& value, Config& config) {
  const auto* real = std::get_if<double>(&value);
  const bool infinite = real != nullptr && *real == std::numeric_limits<double>::infinity();
  if (infinite || value == Value("inf")) {
    access.member.edit(config) = Diversity::infinity();
    return true;
  }
  const auto count = number_in(value, access.range);
  const bool accepted = count && *count % 2 == 0;
  if (accepted) {
    access.member.edit(config) = *count;
  }
  return accepted;
}

template <typename T>
Value to_value(const T& member) {
  return member;
}

template <typename T>
Value to_value(const std::optional<T>& member) {
  return member ? Value(*member) : Value();
}

Value to_value(const Diversity& diversity) {
  return diversity.is_infinite() ? Value(std::numeric_limits<double>::infinity())
                                 : Value(diversity.count());
}

/// Large powers of two stay readable: 2^53-1.
std::string integer_text(std::int64_t x) {
  constexpr int smallest = 24;
  constexpr int largest = 62;
  for (int exponent = smallest; exponent <= largest; ++exponent) {
    const std::int64_t below = power_of_two(exponent) - x;
    if (below >= 0 && below <= 2) {
      return below == 0 ? fmt::format("2^{}", exponent) : fmt::format("2^{}-{}", exponent, below);
    }
  }
  return fmt::format("{}", x);
}

std::string text_of(const Range<std::int64_t>& range) {
  return fmt::format("{} to {}", integer_text(range.low), integer_text(range.high));
}

std::string text_of(const Range<double>& range) {
  std::string text =
      fmt::format("{} {}", range.low_bound == Bound::inclusive ? ">=" : ">", range.low);
  if (range.high < std::numeric_limits<double>::max()) {
    text +=
        fmt::format(" and {} {}", range.high_bound == Bound::inclusive ? "<=" : "<", range.high);
  }
  return text;
}

std::string expectation(const Field& field) {
  const std::string range = range_text(field);
  if (std::holds_alternative<ChoiceAccess>(field.access)) {
    return "one of: " + range;
  }
  if (const auto* diversity = std::get_if<DiversityAccess>(&field.access)) {
    return fmt::format("an even integer from {}, or inf", text_of(diversity->range));
  }
  const bool real = std::holds_alternative<NumberAccess>(field.access) ||
                    std::holds_alternative<OptionalNumberAccess>(field.access);
  return (real ? "a finite number " : "an integer from ") + range;
}

/// "the integer 3": the value as an error message shows it.
std::string describe(const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) {
    return "no value";
  }
  constexpr std::array<std::string_view, 4> kinds = {"", "the integer ", "the float ",
                                                     "the string "};
  return std::string(kinds.at(value.index())) + to_text(value);
}

}  // namespace

std::span<const Field> fields() { return table; }

const Field* find_field(std::string_view name) {
  const auto* const row = std::ranges::find(table, name, &Field::name);
  return row == table.end() ? nullptr : row;
}

std::string_view section_of(const Field& field) {
  return field.name.substr(0, field.name.find('.'));
}

std::string_view key_of(const Field& field) { return field.name.substr(field.name.find('.') + 1); }

std::vector<std::string_view> sections() {
  std::vector<std::string_view> names;
  for (const Field& field : table) {
    if (names.empty() || names.back() != section_of(field)) {
      names.push_back(section_of(field));
    }
  }
  return names;
}

Value get(const Field& field, const Config& config) {
  return std::visit([&](const auto& access) { return to_value(access.member.read(config)); },
                    field.access);
}

void set(const Field& field, const Value& value, Config& config) {
  const bool accepted =
      std::visit([&](const auto& access) { return assign(access, value, config); }, field.access);
  if (!accepted) {
    throw Error(ExitCode::usage, mismatch(field, describe(value)));
  }
}

std::string range_text(const Field& field) {
  if (const auto* choice = std::get_if<ChoiceAccess>(&field.access)) {
    return fmt::format("{}", fmt::join(choice->choices, ", "));
  }
  if (const auto* diversity = std::get_if<DiversityAccess>(&field.access)) {
    return text_of(diversity->range) + ", even, or inf";
  }
  return std::visit(
      [](const auto& access) -> std::string {
        if constexpr (requires { access.range; }) {
          return text_of(access.range);
        }
        return {};
      },
      field.access);
}

std::string to_text(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return fmt::format("{}", *integer);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    std::string text = fmt::format("{}", *real);
    const bool looks_like_integer = text.find_first_not_of("-0123456789") == std::string::npos;
    return looks_like_integer ? text + ".0" : text;
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return fmt::format("\"{}\"", *text);
  }
  return "not set";
}

std::string mismatch(const Field& field, std::string_view found) {
  return fmt::format("{}: expected {}, found {}", field.name, expectation(field), found);
}

std::optional<Conflict> find_conflict(const Config& config) {
  const Diversity K = config.data.K;
  const std::int64_t N = config.data.N;
  if (!K.is_infinite() && K.count() < N) {
    return Conflict{fmt::format("data.K = {} must be at least data.N = {}, because IWL evaluation "
                                "draws N distinct items",
                                K.count(), N),
                    {"data.K", "data.N"}};
  }
  const Train& train = config.train;
  if (train.epochs > max_steps / train.steps_per_epoch) {
    return Conflict{fmt::format("train.epochs = {} times train.steps_per_epoch = {} must be less "
                                "than 2^32 steps",
                                train.epochs, train.steps_per_epoch),
                    {"train.epochs", "train.steps_per_epoch"}};
  }
  // Each token of a fresh batch, and each of an evaluation's tokens, has a number of 31 and 32
  // bits.
  if (K.is_infinite() && N - 1 > (std::int64_t{1} << 31) / train.batch_size) {
    return Conflict{
        fmt::format("data.N - 1 = {} times train.batch_size = {} must be at most 2^31 at "
                    "data.K = inf",
                    N - 1, train.batch_size),
        {"data.N", "train.batch_size", "data.K"}};
  }
  if (K.is_infinite() && N - 1 > (std::int64_t{1} << 32) / config.eval.sequences) {
    return Conflict{fmt::format("data.N - 1 = {} times eval.sequences = {} must be at most 2^32 at "
                                "data.K = inf",
                                N - 1, config.eval.sequences),
                    {"data.N", "eval.sequences", "data.K"}};
  }
  return std::nullopt;
}

void validate(const Config& config) {
  Config scratch;
  for (const Field& field : table) {
    set(field, get(field, config), scratch);
  }
  if (const auto conflict = find_conflict(config)) {
    throw Error(ExitCode::usage, conflict->message);
  }
}

}  // namespace icl::config
