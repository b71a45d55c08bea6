#include "document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "icl/config/fields.hpp"
#include "nesting.hpp"

namespace icl::config {
namespace {

/// toml++ calls itself for each level, and overflows the stack at a few thousand.
constexpr std::size_t deepest = 256;

void require_length(std::string_view text, std::string_view source, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return;
  throw Error(ExitCode::bad_input,
              fmt::format("{}: a configuration has at most {} KiB", source, most_bytes / 1024));
}

}  // namespace

Error usage_error(std::string_view where, std::string_view message) {
  return {ExitCode::usage, fmt::format("{}: {}", where, message)};
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

}  // namespace icl::config
