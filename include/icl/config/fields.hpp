#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "icl/config/config.hpp"

/// \file
/// The one description of every key of the configuration. Reading TOML, `--set`, the help text, the
/// stored configuration and the README's table all follow from fields(): a new key is one member in
/// config.hpp and one row in fields.cpp.

namespace icl::config {

/// A key's value outside Config; std::monostate is an optional key that is not set. An integer key
/// holds std::int64_t, a number key double, a choice or text std::string, a switch bool; data.K
/// holds std::int64_t, or double infinity.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, bool>;

enum class Bound { inclusive, exclusive };

/// Numbers from low to high. NaN is in no range; an infinity is in none whose high is the default.
template <typename T>
struct Range {
  T low;
  T high = std::numeric_limits<T>::max();
  Bound low_bound = Bound::inclusive;
  Bound high_bound = Bound::inclusive;
};

/// What a learning rate may be, its factors of intervene.rate included: a number that float holds
/// to its full precision.
inline constexpr double least_rate = 1e-37;
inline constexpr double greatest_rate = 1e20;

/// The place of a key in Config.
template <typename T>
struct Member {
  const T& (*read)(const Config&);
  T& (*edit)(Config&);
};

struct IntegerAccess {
  Member<std::int64_t> member;
  Range<std::int64_t> range;
};
struct OptionalIntegerAccess {
  Member<std::optional<std::int64_t>> member;
  Range<std::int64_t> range;
};
struct NumberAccess {
  Member<double> member;
  Range<double> range;
};
struct OptionalNumberAccess {
  Member<std::optional<double>> member;
  Range<double> range;
};
/// One of an enumeration (choice.hpp); outside Config it is its word.
struct ChoiceAccess {
  std::string_view (*read)(const Config&);
  bool (*edit)(Config&, std::string_view word);  ///< false if there is no such word
  std::span<const std::string_view> words;
};
/// The same of a key that may be absent.
struct OptionalChoiceAccess {
  std::optional<std::string_view> (*read)(const Config&);
  bool (*edit)(Config&, std::optional<std::string_view> word);  ///< false if there is no such word
  std::span<const std::string_view> words;
};
struct SwitchAccess {
  Member<bool> member;
};
/// Text of a form of its own, without quotes, backslashes and control characters.
struct TextAccess {
  const std::string* (*read)(const Config&);     ///< nullptr if it is not set
  bool (*edit)(Config&, std::string_view text);  ///< false if the text is not in that form
  void (*reset)(Config&);
  std::string_view form;  ///< "FILE:/DATASET"; "NAME, ..." of a list (an array too)
};
/// An even integer in range, or infinity.
struct DiversityAccess {
  Member<Diversity> member;
  Range<std::int64_t> range;
};

using Access =
    std::variant<IntegerAccess, OptionalIntegerAccess, NumberAccess, OptionalNumberAccess,
                 ChoiceAccess, OptionalChoiceAccess, SwitchAccess, TextAccess, DiversityAccess>;

/// What a key decides. Runs that differ only in keys of `writing` are the same run: such keys count
/// neither for its hash nor between a file and the run that goes on with it, and are no axis of a
/// sweep.
enum class Decides : std::uint8_t {
  numbers,  ///< what is computed or recorded
  writing,  ///< only when the file is written
};

/// One key of the configuration.
struct Field {
  std::string_view name;  ///< "section.key"
  std::string_view unit;  ///< empty for a number without a unit, and for text
  std::string_view doc;   ///< one sentence, without its full stop
  Access access;
  std::string_view when_absent = {};  ///< what an unset optional key means; empty for other keys
  Decides decides = Decides::numbers;
};

/// Every key, grouped by section.
[[nodiscard]] std::span<const Field> fields();

/// The field called exactly `name` ("train.seed"), or nullptr.
[[nodiscard]] const Field* find_field(std::string_view name);

/// "train" for train.seed.
[[nodiscard]] std::string_view section_of(const Field& field);

/// "seed" for train.seed.
[[nodiscard]] std::string_view key_of(const Field& field);

/// The sections in the order of the table.
[[nodiscard]] std::vector<std::string_view> sections();

}  // namespace icl::config
