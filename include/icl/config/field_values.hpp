#pragma once

#include <string>
#include <string_view>

#include "icl/config/fields.hpp"

/// \file
/// What is done with the value of any key: read, set, checked, and shown.

namespace icl::config {

[[nodiscard]] Value get(const Field& field, const Config& config);

/// What stands for no value, of an optional key, where one must be written: on an axis, and to take
/// back what a file sets.
inline constexpr std::string_view not_set = "not set";

/// Stores `value`. An integer is taken for a number key, a float with an exact integral value (1e5)
/// for an integer key, the string "inf" for data.K, and an absent value or the string "not set" for
/// an optional key.
/// Throws Error(usage) that names key, value and range, and then leaves `config` as it was.
void set(const Field& field, const Value& value, Config& config);

/// The allowed values in short, for tables: "1 to 65536", "> 0", "one_layer".
[[nodiscard]] std::string range_text(const Field& field);

/// The value as TOML: doubles in the shortest form that reads back as the same float ("1.0",
/// "1e-10", "inf"), strings in quotes, "not set" if absent.
[[nodiscard]] std::string to_text(const Value& value);

/// "train.seed: expected an integer from 0 to 2^53-1, found <found>".
[[nodiscard]] std::string mismatch(const Field& field, std::string_view found);

/// Whether all keys that decide numbers are equal: see Decides.
[[nodiscard]] bool is_same_run(const Config& a, const Config& b);

/// Takes over the keys that only decide when a file is written: see Decides.
void take_writing(const Config& from, Config& to);

/// Checks every field's range, then the conflicts between fields. Throws Error(usage).
void validate(const Config& config);

}  // namespace icl::config
