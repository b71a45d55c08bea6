#include "icl/config/field_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "icl/config/conflict.hpp"
#include "icl/config/spelling.hpp"
#include "icl/core/error.hpp"

namespace icl::config {
namespace {

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
    const auto exact = static_cast<double>(std::int64_t{1} << 53);
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

bool is_absent(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return std::holds_alternative<std::monostate>(value) || (text != nullptr && *text == not_set);
}

/// The assign functions return false, and change nothing, if the key cannot hold the value.
template <typename AnyNumber>
bool assign(const AnyNumber& access, const Value& value, Config& config) {
  constexpr bool optional = std::is_same_v<AnyNumber, OptionalIntegerAccess> ||
                            std::is_same_v<AnyNumber, OptionalNumberAccess>;
  if constexpr (optional) {
    if (is_absent(value)) {
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
  return text != nullptr && access.edit(config, *text);
}

bool assign(const OptionalChoiceAccess& access, const Value& value, Config& config) {
  if (is_absent(value)) return access.edit(config, std::nullopt);
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && access.edit(config, *text);
}

bool assign(const SwitchAccess& access, const Value& value, Config& config) {
  const auto* on = std::get_if<bool>(&value);
  if (on != nullptr) access.member.edit(config) = *on;
  return on != nullptr;
}

bool assign(const TextAccess& access, std::string_view name, const Value& value, Config& config) {
  if (is_absent(value)) {
    access.reset(config);
    return true;
  }
  const auto* text = std::get_if<std::string>(&value);
  constexpr std::size_t longest = 4096;
  const auto plain = [](char c) {
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  };
  if (text == nullptr || text->size() > longest || !std::ranges::all_of(*text, plain)) return false;
  const std::string kept = spelled(name, *text);
  return kept.size() <= longest && access.edit(config, kept);
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
    const std::int64_t below = (std::int64_t{1} << exponent) - x;
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
  if (std::holds_alternative<ChoiceAccess>(field.access) ||
      std::holds_alternative<OptionalChoiceAccess>(field.access)) {
    return "one of: " + range;
  }
  if (std::holds_alternative<SwitchAccess>(field.access)) return "a boolean";
  if (const auto* text = std::get_if<TextAccess>(&field.access)) {
    return fmt::format("text of the form {}", text->form);
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
  constexpr std::array<std::string_view, 5> kinds = {"", "the integer ", "the float ",
                                                     "the string ", "the boolean "};
  return std::string(kinds.at(value.index())) + to_text(value);
}

}  // namespace

Value get(const Field& field, const Config& config) {
  if (const auto* choice = std::get_if<ChoiceAccess>(&field.access)) {
    return std::string(choice->read(config));
  }
  if (const auto* text = std::get_if<TextAccess>(&field.access)) {
    const std::string* held = text->read(config);
    return held == nullptr ? Value() : Value(*held);
  }
  if (const auto* choice = std::get_if<OptionalChoiceAccess>(&field.access)) {
    const auto chosen = choice->read(config);
    return chosen ? Value(std::string(*chosen)) : Value();
  }
  return std::visit(
      [&](const auto& access) -> Value {
        if constexpr (requires { access.member; }) return to_value(access.member.read(config));
        return {};
      },
      field.access);
}

void set(const Field& field, const Value& value, Config& config) {
  const bool accepted = std::visit(
      [&](const auto& access) {
        if constexpr (requires { access.form; }) {
          return assign(access, field.name, value, config);
        } else {
          return assign(access, value, config);
        }
      },
      field.access);
  if (!accepted) {
    throw Error(ExitCode::usage, mismatch(field, describe(value)));
  }
}

std::string range_text(const Field& field) {
  if (const auto* choice = std::get_if<ChoiceAccess>(&field.access)) {
    return fmt::format("{}", fmt::join(choice->words, ", "));
  }
  if (const auto* choice = std::get_if<OptionalChoiceAccess>(&field.access)) {
    return fmt::format("{}", fmt::join(choice->words, ", "));
  }
  if (const auto* diversity = std::get_if<DiversityAccess>(&field.access)) {
    return text_of(diversity->range) + ", even, or inf";
  }
  if (std::holds_alternative<SwitchAccess>(field.access)) return "true, false";
  if (const auto* text = std::get_if<TextAccess>(&field.access)) return std::string(text->form);
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
  if (const auto* on = std::get_if<bool>(&value)) return *on ? "true" : "false";
  return std::string(not_set);
}

std::string mismatch(const Field& field, std::string_view found) {
  return fmt::format("{}: expected {}, found {}", field.name, expectation(field), found);
}

bool is_same_run(const Config& a, const Config& b) {
  return std::ranges::all_of(fields(), [&](const Field& field) {
    return field.decides == Decides::writing || get(field, a) == get(field, b);
  });
}

void take_writing(const Config& from, Config& to) {
  for (const Field& field : fields()) {
    if (field.decides == Decides::writing) set(field, get(field, from), to);
  }
}

void validate(const Config& config) {
  Config scratch;
  for (const Field& field : fields()) {
    set(field, get(field, config), scratch);
  }
  if (const auto conflict = find_conflict(config)) {
    throw Error(ExitCode::usage, conflict->message);
  }
}

}  // namespace icl::config
