#include "icl/config/toml.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "icl/config/fields.hpp"
#include "icl/config/nearest.hpp"
#include "icl/core/error.hpp"

namespace icl::config {
namespace {

constexpr std::size_t max_bytes = 65536;
constexpr std::ptrdiff_t max_dots = 4096;

/// Where a key was set last, and how many settings came before that one.
struct Origin {
  std::size_t order;
  std::string where;
};
using Origins = std::map<std::string_view, Origin>;

/// A configuration that is being put together.
struct Draft {
  Config config;
  Origins origins;
  std::size_t settings = 0;
};

/// A key that a TOML document sets, with its full dotted name.
struct Entry {
  std::string name;
  const toml::node* node;
  toml::source_position position;
};

Error usage_error(std::string_view where, std::string_view message) {
  return {ExitCode::usage, fmt::format("{}: {}", where, message)};
}

/// Why `text` must not reach toml++, if so: it handles a key of n dotted parts by n nested calls,
/// and tens of thousands of them overflow the stack.
std::optional<std::string> excess(std::string_view text) {
  if (text.size() > max_bytes) {
    return fmt::format("a configuration has at most {} KiB", max_bytes / 1024);
  }
  if (std::ranges::count(text, '.') > max_dots) {
    return fmt::format("a configuration has at most {} dots", max_dots);
  }
  return std::nullopt;
}

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a float";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
      return "a date";
    case toml::node_type::time:
      return "a time";
    case toml::node_type::date_time:
      return "a date and time";
    case toml::node_type::none:
      break;
  }
  return "nothing";
}

/// Empty for the kinds of node that no key can hold.
std::optional<Value> value_of(const toml::node& node) {
  if (const auto* integer = node.as_integer()) {
    return integer->get();
  }
  if (const auto* real = node.as_floating_point()) {
    return real->get();
  }
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  return std::nullopt;
}

bool is_section(std::string_view name) {
  const auto names = sections();
  return std::ranges::find(names, name) != names.end();
}

std::string did_you_mean(std::string_view name) {
  const Field* nearest = nearest_field(name);
  return nearest == nullptr ? "; icl --help lists the keys"
                            : fmt::format("; did you mean {}?", nearest->name);
}

std::string unknown_key(std::string_view name) {
  return fmt::format("unknown key \"{}\"{}", name, did_you_mean(name));
}

std::string section_as_key(std::string_view name, const toml::node& node) {
  const Field* nearest = nearest_field(name);
  std::string keys;
  for (const Field& field : fields()) {
    if (section_of(field) == name) {
      keys += (keys.empty() ? "" : ", ") + std::string(field.name);
    }
  }
  return fmt::format("{} is a section with the keys {}: expected a table, found {}{}", name, keys,
                     kind_of(node),
                     nearest == nullptr ? "" : fmt::format("; did you mean {}?", nearest->name));
}

std::string unknown_section(std::string_view name) {
  return fmt::format("unknown section [{}]; the sections are {}", name,
                     fmt::join(sections(), ", "));
}

/// Sets the key `name`, or throws an Error that begins with `where`.
void apply(std::string_view name, const toml::node& node, const std::string& where, Draft& draft) {
  const Field* field = find_field(name);
  if (field == nullptr) {
    if (is_section(name)) {
      throw usage_error(where, section_as_key(name, node));
    }
    const auto* empty = node.as_table();
    const bool section = empty != nullptr && name.find('.') == std::string_view::npos;
    throw usage_error(where, section ? unknown_section(name) : unknown_key(name));
  }
  const auto value = value_of(node);
  if (!value) {
    throw usage_error(where, mismatch(*field, kind_of(node)));
  }
  try {
    set(*field, *value, draft.config);
  } catch (const Error& error) {
    throw usage_error(where, error.what());
  }
  draft.origins.insert_or_assign(field->name, Origin{draft.settings++, where});
}

/// The keys of a document in the order of its lines. A table inside a section is not entered, nor
/// is an empty table at the top unless it is a section: each becomes an entry, which apply()
/// rejects.
std::vector<Entry> entries_of(const toml::table& document, std::string_view source_name) {
  std::vector<Entry> entries;
  for (const auto& [section, node] : document) {
    const auto* keys = node.as_table();
    if (section.str().find('.') != std::string_view::npos) {
      throw usage_error(fmt::format("{}:{}", source_name, section.source().begin.line),
                        fmt::format("the key \"{}\" has a dot in quotes: write it without quotes",
                                    section.str()));
    }
    if (keys == nullptr || (keys->empty() && !is_section(section.str()))) {
      entries.push_back({std::string(section.str()), &node, section.source().begin});
      continue;
    }
    for (const auto& [key, value] : *keys) {
      entries.push_back(
          {fmt::format("{}.{}", section.str(), key.str()), &value, key.source().begin});
    }
  }
  std::ranges::sort(entries, {}, [](const Entry& entry) {
    return std::pair(entry.position.line, entry.position.column);
  });
  return entries;
}

void apply_document(std::string_view text, std::string_view source_name, Draft& draft) {
  if (const auto reason = excess(text)) {
    throw Error(ExitCode::bad_input, fmt::format("{}: {}", source_name, *reason));
  }
  toml::table document;
  try {
    document = toml::parse(text, source_name);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    throw usage_error(fmt::format("{}:{}:{}", source_name, at.line, at.column),
                      error.description());
  }
  for (const Entry& entry : entries_of(document, source_name)) {
    apply(entry.name, *entry.node, fmt::format("{}:{}", source_name, entry.position.line), draft);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// A letter or _, then letters, digits, _, . and -.
bool is_bare_word(std::string_view text) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view others = "0123456789.-";
  return !text.empty() && letters.find(text.front()) != std::string_view::npos &&
         std::ranges::all_of(text, [&](char c) {
           return letters.find(c) != std::string_view::npos ||
                  others.find(c) != std::string_view::npos;
         });
}

/// A document with the one key "value".
toml::table parse_value(std::string_view text, std::string_view where) {
  if (text.empty()) {
    throw usage_error(where, "the value is missing; expected key=value");
  }
  if (const auto reason = excess(text)) {
    throw usage_error("--set", *reason);  // not `where`, which holds the text
  }
  toml::table document;
  try {
    document = toml::parse(fmt::format("value = {}", text), std::string_view("--set"));
  } catch (const toml::parse_error& error) {
    if (!is_bare_word(text)) {
      throw usage_error(where, fmt::format("not a TOML value: {}", error.description()));
    }
    document.insert("value", std::string(text));
  }
  if (document.size() != 1) {
    throw usage_error(where, "expected one TOML value, found several lines");
  }
  return document;
}

void apply_override(const std::string& text, Draft& draft) {
  const std::string where = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw usage_error(where, "expected key=value");
  }
  const std::string_view name = trim(std::string_view(text).substr(0, equals));
  if (name.empty()) {
    throw usage_error(where, "the key is missing; expected key=value");
  }
  const auto document = parse_value(trim(std::string_view(text).substr(equals + 1)), where);
  apply(name, *document.get("value"), where, draft);
}

/// Blames a conflict on the setting that came last.
void check_conflicts(const Draft& draft) {
  const auto conflict = find_conflict(draft.config);
  if (!conflict) {
    return;
  }
  const Origin* last = nullptr;
  for (const std::string_view key : conflict->keys) {
    const auto origin = draft.origins.find(key);
    if (origin != draft.origins.end() && (last == nullptr || origin->second.order > last->order)) {
      last = &origin->second;
    }
  }
  throw last == nullptr ? Error(ExitCode::usage, conflict->message)
                        : usage_error(last->where, conflict->message);
}

/// At most max_bytes + 1 bytes, so that too large a file is seen to be so.
std::string read_text(const std::filesystem::path& file) {
  const auto fail = [&](int error) {
    return Error(ExitCode::bad_input, fmt::format("cannot read {}: {}", file.string(),
                                                  std::generic_category().message(error)));
  };
  const auto close = [](std::FILE* stream) { static_cast<void>(std::fclose(stream)); };
  const std::unique_ptr<std::FILE, decltype(close)> stream(std::fopen(file.c_str(), "rb"));
  if (stream == nullptr) {
    throw fail(errno);
  }
  std::string text(max_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (std::ferror(stream.get()) != 0) {
    throw fail(errno);
  }
  return text;
}

}  // namespace

Config load(const std::filesystem::path& file, std::span<const std::string> overrides) {
  Draft draft;
  apply_document(read_text(file), file.string(), draft);
  for (const std::string& text : overrides) {
    apply_override(text, draft);
  }
  check_conflicts(draft);
  return draft.config;
}

Config with_overrides(const Config& config, std::span<const std::string> overrides) {
  Draft draft;
  draft.config = config;
  for (const std::string& text : overrides) {
    apply_override(text, draft);
  }
  check_conflicts(draft);
  return draft.config;
}

Config parse(std::string_view text, std::string_view source_name) {
  Draft draft;
  apply_document(text, source_name, draft);
  check_conflicts(draft);
  return draft.config;
}

std::string to_toml(const Config& config) {
  std::string text;
  for (const std::string_view section : sections()) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const Field& field : fields()) {
      if (section_of(field) != section) {
        continue;
      }
      const Value value = get(field, config);
      text += std::holds_alternative<std::monostate>(value)
                  ? fmt::format("# {} is not set: {}\n", key_of(field), field.when_absent)
                  : fmt::format("{} = {}\n", key_of(field), to_text(value));
    }
  }
  return text;
}

}  // namespace icl::config
