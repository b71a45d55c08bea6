#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "icl/config/config.hpp"
#include "icl/config/fields.hpp"

namespace icl::config {

/// Reads a TOML file, or standard input for "-", applies the `--set` overrides in order, and
/// validates the result. A key that is set nowhere keeps its default; of several settings the last
/// one wins.
///
/// An override is "key=value" with the full key; the value is TOML, or a bare word that stands for
/// a string (model.system=one_layer). For a key that holds text (data.items) it is that text as it
/// stands, unless it begins with a quote or a bracket. A key that holds a list (probe.record) takes
/// an array too.
///
/// Throws Error: bad_input if the file cannot be read or is larger than 64 KiB; usage for all else,
/// as "file:line:column: ..." for malformed TOML, "file: ..." for one nested more than 256 deep,
/// "file:line: ..." for a key or value in the file, and "--set key=value: ..." for an override.
[[nodiscard]] Config load(const std::filesystem::path& file,
                          std::span<const std::string> overrides);

/// A configuration with `--set` overrides on top; errors as for load().
[[nodiscard]] Config with_overrides(const Config& config, std::span<const std::string> overrides);

/// One setting "key=value", as `--set` takes it.
struct Setting {
  const Field* field;
  Value value;  ///< as a configuration holds it
};

/// Errors as for an override; they begin with the name of the `option` that the text was given to.
[[nodiscard]] Setting parse_setting(const std::string& text, std::string_view option);

/// Reads TOML text and validates it; errors as for load(), with `source_name` for the file.
[[nodiscard]] Config parse(std::string_view text, std::string_view source_name);

/// The resolved configuration as TOML: every section and key in the order of fields(), defaults
/// included but for those of `without`; an optional key that is not set is a comment.
/// parse(to_toml(c)) == c for a valid c.
[[nodiscard]] std::string to_toml(const Config& config,
                                  std::span<const std::string_view> without = {});

}  // namespace icl::config
