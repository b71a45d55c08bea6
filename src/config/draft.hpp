#pragma once

#include <toml++/toml.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/fields.hpp"
#include "icl/core/error.hpp"

/// What reading a run's TOML and a sweep's have in common. toml++ stays within this folder.
namespace icl::config {

/// Error(usage) "where: message".
[[nodiscard]] Error usage_error(std::string_view where, std::string_view message);

/// "an array", for messages.
[[nodiscard]] std::string_view kind_of(const toml::node&);

/// Empty for the kinds of node that no key can hold.
[[nodiscard]] std::optional<Value> value_of(const toml::node&);

/// The value that a key is given: value_of(), or of a key that holds a list the parts of an array
/// (strings, integers, and tables with a name, as "NAME key=value ..."), joined by commas. Empty if
/// the key can hold no such node.
[[nodiscard]] std::optional<Value> value_for(const Field&, const toml::node&);

/// `unknown key "data.k"; did you mean data.K?`
[[nodiscard]] std::string unknown_key(std::string_view name);

/// What messages call a file: its name, or "standard input" for "-".
[[nodiscard]] std::string source_name_of(const std::filesystem::path& file);

/// The text of a file, or of standard input for "-"; Error(bad_input) if it cannot be read. Of a
/// file of more than `most_bytes`, one byte more than that, which parse_document refuses.
[[nodiscard]] std::string read_text(const std::filesystem::path& file, std::size_t most_bytes);

/// Longest text of one run's configuration, and of a sweep's.
inline constexpr std::size_t most_config_bytes = std::size_t{64} << 10U;
inline constexpr std::size_t most_sweep_bytes = std::size_t{1} << 20U;

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

/// The values "1, 2, 3" of a key (nullptr: of none) as a list, or one TOML list or table as it
/// stands, under the one key "value". Error(usage), beginning with `where`, for what is neither.
[[nodiscard]] toml::table parse_list(std::string_view text, std::string_view where,
                                     const Field* field);

/// A configuration that is being put together. Remembers which setting of a key came last, to blame
/// it for a conflict.
class Draft {
 public:
  explicit Draft(Config start = {}) : config_(std::move(start)) {}

  /// Sets a key, or throws an Error that begins with its place.
  void apply(const Entry&);
  /// Applies "key=value" as `option` gives it; returns the key.
  std::string apply_override(const std::string& text, std::string_view option = "--set");
  /// Where a key was set last: "file:line" or the override; empty if nowhere.
  [[nodiscard]] std::string_view where(std::string_view name) const;
  /// The configuration. Throws Error(usage) if its values disagree.
  [[nodiscard]] Config finish() const;
  /// The same unchecked, for what is still to be changed.
  [[nodiscard]] const Config& config() const { return config_; }

 private:
  /// Where a key was set last, and how many settings came before that one.
  struct Origin {
    std::size_t order;
    std::string where;
  };

  Config config_;
  std::map<std::string, Origin, std::less<>> origins_;
  std::size_t settings_ = 0;
};

}  // namespace icl::config
