#include "draft.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/nearest.hpp"
#include "icl/core/message.hpp"
#include "nesting.hpp"
#include "trim.hpp"

namespace icl::config {
namespace {

/// toml++ calls itself for each level, and overflows the stack at a few thousand.
constexpr std::size_t deepest = 256;

void require_length(std::string_view text, std::string_view source, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return;
  throw Error(ExitCode::bad_input,
              fmt::format("{}: a configuration has at most {} KiB", source, most_bytes / 1024));
}

/// What toml++ must not be given, or would say nothing helpful of.
void require_text(std::string_view text, std::string_view source) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw usage_error(source, "the file is in UTF-16; TOML is in UTF-8");
  }
  if (const auto line = line_nested_deeper(deepest, text)) {
    throw usage_error(fmt::format("{}:{}", source, *line),
                      fmt::format("a key or value is nested more than {} deep", deepest));
  }
}

bool is_section(std::string_view name) {
  const auto names = sections();
  return std::ranges::find(names, name) != names.end();
}

std::string did_you_mean(std::string_view name) {
  const Field* nearest = nearest_field(name);
  return nearest == nullptr ? "; icl keys lists them"
                            : fmt::format("; did you mean {}?", nearest->name);
}

/// "data is a section with the keys data.K, ..."
std::string section_text(std::string_view name) {
  std::string keys;
  for (const Field& field : fields()) {
    if (section_of(field) == name) {
      keys += (keys.empty() ? "" : ", ") + std::string(field.name);
    }
  }
  return fmt::format("{} is a section with the keys {}", name, keys);
}

std::string section_as_key(std::string_view name, const toml::node& node) {
  const Field* nearest = nearest_field(name);
  if (name == "eval" && node.is_array()) {
    return "eval is a section, and a TOML file cannot have [eval] and [[eval]]: write [[eval.set]]";
  }
  return fmt::format("{}: expected a table, found {}{}", section_text(name), kind_of(node),
                     nearest == nullptr ? "" : fmt::format("; did you mean {}?", nearest->name));
}

std::string unknown_section(std::string_view name) {
  const bool of_sweep = name == "sweep" || name == "scale";
  return fmt::format("unknown section [{}]; the sections are {}{}", name,
                     fmt::join(sections(), ", "),
                     of_sweep ? ". (A file with it is for icl sweep)" : "");
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

bool holds_text(const Field* field) {
  return field != nullptr && std::holds_alternative<TextAccess>(field->access);
}

/// A document with the one key "value". The value of a key that holds text stands for itself,
/// unless it begins as a string or an array does; so do `not set` and a bare word that is not TOML.
toml::table parse_value(std::string_view text, std::string_view where, bool is_text) {
  if (text.empty()) {
    throw usage_error(where, "the value is missing; expected key=value");
  }
  if (text.size() > most_config_bytes) {  // not `where`, which holds the text
    throw usage_error("--set", fmt::format("a value has at most {} KiB", most_config_bytes / 1024));
  }
  if (!is_utf8(text)) {
    throw usage_error(where,
                      "the value is not UTF-8, and what a run is made of is kept as TOML, "
                      "which holds no other text; give a file another name");
  }
  require_text(text, "--set");
  toml::table document;
  const bool quoted = text.starts_with('"') || text.starts_with('\'');
  if (is_text && !quoted && !text.starts_with('[')) {
    document.insert("value", std::string(text));
    return document;
  }
  try {
    document = toml::parse(fmt::format("value = {}", text), std::string_view("--set"));
  } catch (const toml::parse_error& error) {
    if (quoted || is_text || !(is_bare_word(text) || text == not_set)) {
      throw usage_error(where, fmt::format("not a TOML value: {}", error.description()));
    }
    document.insert("value", std::string(text));
  }
  if (document.size() != 1) {
    throw usage_error(where, "expected one TOML value, found several lines");
  }
  return document;
}

}  // namespace

Error usage_error(std::string_view where, std::string_view message) {
  return {ExitCode::usage, fmt::format("{}: {}", where, message)};
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
  if (const auto* on = node.as_boolean()) {
    return on->get();
  }
  return std::nullopt;
}

namespace {

/// "NAME key=value ..." of a table with a name; nothing if it holds anything but words and numbers.
std::optional<std::string> name_and_keys(const toml::table& table) {
  const auto* name = table.get_as<std::string>("name");
  if (name == nullptr) return std::nullopt;
  std::string words = name->get();
  const auto is_word = [](const std::string& text) {
    return !text.empty() && text.find_first_of(" ,=") == std::string::npos;
  };
  if (!is_word(words)) return std::nullopt;
  for (const auto& [key, node] : table) {
    if (key.str() == "name") continue;
    const auto* word = node.as_string();
    const auto* number = node.as_integer();
    if (number == nullptr && (word == nullptr || !is_word(word->get()))) return std::nullopt;
    words += fmt::format(" {}={}", key.str(),
                         word != nullptr ? word->get() : fmt::format("{}", number->get()));
  }
  return words;
}

}  // namespace

std::optional<Value> value_for(const Field& field, const toml::node& node) {
  const auto* text = std::get_if<TextAccess>(&field.access);
  const auto* parts = node.as_array();
  const bool is_list = text != nullptr && text->form.ends_with(", ...");
  if (is_list && node.is_integer()) return fmt::format("{}", node.as_integer()->get());
  if (!is_list || parts == nullptr) return value_of(node);
  if (parts->empty()) return std::nullopt;
  std::vector<std::string> words;
  for (const toml::node& part : *parts) {
    if (const auto* word = part.as_string()) {
      words.push_back(word->get());
    } else if (const auto* number = part.as_integer()) {
      words.push_back(fmt::format("{}", number->get()));
    } else if (const auto* table = part.as_table()) {
      const auto text_of_table = name_and_keys(*table);
      if (!text_of_table) return std::nullopt;
      words.push_back(*text_of_table);
    } else {
      return std::nullopt;
    }
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string unknown_key(std::string_view name) {
  return fmt::format("unknown key \"{}\"{}", name, did_you_mean(name));
}

std::string source_name_of(const std::filesystem::path& file) {
  return file == "-" ? "standard input" : file.string();
}

std::string read_text(const std::filesystem::path& file, std::size_t most_bytes) {
  const auto fail = [&](int error) {
    return Error(ExitCode::bad_input, fmt::format("cannot read {}: {}", source_name_of(file),
                                                  std::generic_category().message(error)));
  };
  const auto close = [](std::FILE* stream) { static_cast<void>(std::fclose(stream)); };
  const std::unique_ptr<std::FILE, decltype(close)> stream(
      std::fopen(file == "-" ? "/dev/stdin" : file.c_str(), "rb"));
  if (stream == nullptr) {
    throw fail(errno);
  }
  std::string text(most_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (std::ferror(stream.get()) != 0) {
    throw fail(errno);
  }
  return text;
}

toml::table parse_document(std::string_view text, std::string_view source_name,
                           std::size_t most_bytes) {
  constexpr std::string_view hdf5 = "\x89HDF\r\n\x1a\n";
  if (text.starts_with(hdf5)) {
    throw Error(ExitCode::bad_input,
                fmt::format("{0}: this is an HDF5 file and no TOML; icl info {0} says what it is, "
                            "and with --toml writes the configuration that it holds",
                            source_name));
  }
  require_length(text, source_name, most_bytes);
  require_text(text, source_name);
  try {
    return toml::parse(text, source_name);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    throw usage_error(fmt::format("{}:{}:{}", source_name, at.line, at.column),
                      error.description());
  }
}

std::vector<Entry> entries_of(const toml::table& document, std::string_view source_name) {
  struct Placed {
    Entry entry;
    toml::source_position position;
  };
  std::vector<Placed> placed;
  const auto add = [&](std::string name, const toml::node& node, toml::source_position position) {
    placed.push_back(
        {{std::move(name), &node, fmt::format("{}:{}", source_name, position.line)}, position});
  };
  for (const auto& [section, node] : document) {
    const auto* keys = node.as_table();
    const toml::source_position position = section.source().begin;
    if (section.str().find('.') != std::string_view::npos) {
      throw usage_error(fmt::format("{}:{}", source_name, position.line),
                        fmt::format("the key \"{}\" has a dot in quotes: write it without quotes",
                                    section.str()));
    }
    if (keys == nullptr || (keys->empty() && !is_section(section.str()))) {
      add(std::string(section.str()), node, position);
      continue;
    }
    for (const auto& [key, value] : *keys) {
      add(fmt::format("{}.{}", section.str(), key.str()), value, key.source().begin);
    }
  }
  std::ranges::sort(placed, {},
                    [](const Placed& p) { return std::pair(p.position.line, p.position.column); });
  std::vector<Entry> entries;
  entries.reserve(placed.size());
  for (Placed& p : placed) entries.push_back(std::move(p.entry));
  return entries;
}

void Draft::apply(const Entry& entry) {
  const Field* field = find_field(entry.name);
  if (field == nullptr) {
    if (is_section(entry.name)) {
      throw usage_error(entry.where, section_as_key(entry.name, *entry.node));
    }
    const auto* empty = entry.node->as_table();
    const bool of_sweep = entry.name.starts_with("sweep.") || entry.name.starts_with("scale.");
    if (of_sweep) throw usage_error(entry.where, unknown_section(entry.name.substr(0, 5)));
    const bool section = empty != nullptr && entry.name.find('.') == std::string::npos;
    throw usage_error(entry.where, section ? unknown_section(entry.name) : unknown_key(entry.name));
  }
  const auto value = value_for(*field, *entry.node);
  if (!value) {
    throw usage_error(entry.where, mismatch(*field, kind_of(*entry.node)));
  }
  try {
    set(*field, *value, config_);
  } catch (const Error& error) {
    throw usage_error(entry.where, error.what());
  }
  origins_.insert_or_assign(entry.name, Origin{settings_++, entry.where});
}

std::string Draft::apply_override(const std::string& text, std::string_view option) {
  const std::string where = fmt::format("{} {}", option, text);
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw usage_error(where, "expected key=value");
  }
  const std::string_view name = trim(std::string_view(text).substr(0, equals));
  if (name.empty()) {
    throw usage_error(where, "the key is missing; expected key=value");
  }
  const Field* field = find_field(name);
  if (is_section(name)) {
    throw usage_error(where, fmt::format("{}: {} takes one key at a time, with its dot",
                                         section_text(name), option));
  }
  const auto document =
      parse_value(trim(std::string_view(text).substr(equals + 1)), where, holds_text(field));
  apply({std::string(name), document.get("value"), where});
  return std::string(name);
}

toml::table parse_list(std::string_view text, std::string_view where, const Field* field) {
  text = trim(text);
  if (text.starts_with('[') || text.starts_with('{')) return parse_value(text, where, false);
  toml::array values;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto value = parse_value(trim(text.substr(0, comma)), where, holds_text(field));
    value.get("value")->visit([&](const auto& node) { values.push_back(node); });
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return toml::table{{"value", std::move(values)}};
}

std::string_view Draft::where(std::string_view name) const {
  const auto origin = origins_.find(name);
  return origin == origins_.end() ? std::string_view() : origin->second.where;
}

Config Draft::finish() const {
  const auto conflict = find_conflict(config_);
  if (!conflict) return config_;
  const Origin* last = nullptr;
  for (const std::string_view key : conflict->keys) {
    const auto origin = origins_.find(key);
    if (origin != origins_.end() && (last == nullptr || origin->second.order > last->order)) {
      last = &origin->second;
    }
  }
  throw last == nullptr ? Error(ExitCode::usage, conflict->message)
                        : usage_error(last->where, conflict->message);
}

}  // namespace icl::config
