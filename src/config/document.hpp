#pragma once

#include <toml++/toml.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "icl/core/error.hpp"

/// A text in TOML, and the keys that it sets: what reading a run's and a sweep's have in common.
/// toml++ stays within this folder.
namespace icl::config {

/// Error(usage) "where: message".
[[nodiscard]] Error usage_error(std::string_view where, std::string_view message);

/// What messages call a file: its name, or "standard input" for "-".
[[nodiscard]] std::string source_name_of(const std::filesystem::path& file);

/// The text of a file, or of standard input for "-"; Error(bad_input) if it cannot be read. Of a
/// file of more than `most_bytes`, one byte more than that, which parse_document refuses.
[[nodiscard]] std::string read_text(const std::filesystem::path& file, std::size_t most_bytes);

/// Longest text of one run's configuration, and of a sweep's.
inline constexpr std::size_t most_config_bytes = std::size_t{64} << 10U;
inline constexpr std::size_t most_sweep_bytes = std::size_t{1} << 20U;

/// Error(usage) if the text is in UTF-16, or nested deeper than toml++ bears.
void require_text(std::string_view text, std::string_view source_name);

/// Error(bad_input) if the text is longer than that, Error(usage) if it is not TOML, or nested
/// deeper than toml++ bears.
[[nodiscard]] toml::table parse_document(std::string_view text, std::string_view source_name,
                                         std::size_t most_bytes);

/// A key that a TOML document sets, with its full dotted name.
struct Entry {
  std::string name;
  const toml::node* node;
  std::string where;  ///< "file:line"
};

/// The keys of a table of sections in the order of its lines. A table inside a section is not
/// entered, nor is an empty table at the top unless it is a section: each becomes an entry, which
/// Draft::apply() rejects.
[[nodiscard]] std::vector<Entry> entries_of(const toml::table&, std::string_view source_name);

/// Whether a name is that of a section of a run's configuration.
[[nodiscard]] bool is_section(std::string_view name);

}  // namespace icl::config
