#include "icl/io/envelope.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/io/file.hpp"
#include "icl/io/hdf5.hpp"

namespace icl::io {
namespace {

constexpr int version = 2;
constexpr std::size_t block_bytes = user_block_bytes;
constexpr std::size_t hash_digits = 32;        // of an XXH3-128
constexpr std::size_t block_hash_digits = 16;  // of an XXH64

constexpr std::array<std::string_view, 3> titles{"icl run file", "icl data file", "icl sweep file"};

std::string_view title(FileKind kind) { return titles.at(static_cast<std::size_t>(kind)); }

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool only(std::string_view text, std::string_view alphabet) {
  return text.find_first_not_of(alphabet) == std::string_view::npos;
}

bool is_hash(std::string_view text) {
  return text.size() == hash_digits && only(text, "0123456789abcdef");
}

bool is_status(std::string_view text) {
  return !text.empty() && text.size() <= 32 && only(text, "abcdefghijklmnopqrstuvwxyz_");
}

/// The 512 bytes for an envelope with valid fields.
std::string render(const Envelope& envelope) {
  constexpr std::string_view last_key = "block_xxh64 ";
  const std::string t_icl = envelope.t_icl_step ? fmt::to_string(*envelope.t_icl_step) : "none";
  std::string block = fmt::format(
      "{} {}\nstatus {}\nstep {}\nt_icl_step {}\nconfig_xxh128 {}\nimage_bytes {}\n"
      "image_xxh128 {}\n{}",
      title(envelope.kind), version, envelope.status, envelope.step, t_icl, envelope.config_xxh128,
      envelope.image_bytes, envelope.image_xxh128, last_key);
  const std::size_t digits_at = block.size();
  block.append(block_hash_digits, '0');
  block.resize(block_bytes, '\n');
  const XXH64_hash_t hash = XXH64(block.data(), block.size(), 0);
  return block.replace(digits_at, block_hash_digits, fmt::format("{:016x}", hash));
}

[[noreturn]] void bad(const std::string& name, std::string_view finding) {
  throw Error(ExitCode::bad_input, fmt::format("'{}': {}", name, finding));
}

/// The value on the line with this key; empty if there is none.
std::string_view value_of(std::string_view block, std::string_view key) {
  const std::string start = fmt::format("\n{} ", key);
  const std::size_t at = block.find(start);
  if (at == std::string_view::npos) return {};
  block.remove_prefix(at + start.size());
  return block.substr(0, block.find('\n'));
}

/// A number from 0 to 2^63-1, or nullopt.
std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

void check_title(std::string_view block, const std::string& name, FileKind kind) {
  const std::string_view first = block.substr(0, block.find('\n'));
  if (first == fmt::format("{} {}", title(kind), version)) return;
  for (const std::string_view other : titles) {
    if (other != title(kind) && first.starts_with(other)) {
      bad(name, fmt::format("is an {}, expected an {}", other, title(kind)));
    }
  }
  const std::string prefix = fmt::format("{} ", title(kind));
  if (first.starts_with(prefix) && parse_number(first.substr(prefix.size()))) {
    bad(name, fmt::format("is an '{}', but this program reads version {}", first, version));
  }
  bad(name, fmt::format("not an {}", title(kind)));
}

/// Checks everything about the first bytes of a file of that size.
Envelope parse_block(std::string_view head, std::uint64_t file_bytes, const std::string& name,
                     FileKind kind) {
  const std::string_view block = head.substr(0, block_bytes);
  check_title(block, name, kind);
  if (block.size() < block_bytes) {
    bad(name, fmt::format("cut short: {} bytes, less than the {} of its header", file_bytes,
                          block_bytes));
  }
  const std::string_view t_icl = value_of(block, "t_icl_step");
  Envelope envelope{.kind = kind,
                    .status = std::string(value_of(block, "status")),
                    .step = parse_number(value_of(block, "step")).value_or(0),
                    .t_icl_step = parse_number(t_icl),
                    .config_xxh128 = std::string(value_of(block, "config_xxh128")),
                    .image_bytes = static_cast<std::uint64_t>(
                        parse_number(value_of(block, "image_bytes")).value_or(0)),
                    .image_xxh128 = std::string(value_of(block, "image_xxh128"))};
  // The lengths are checked first, as render() has room for valid values only.
  if (!is_status(envelope.status) || !is_hash(envelope.config_xxh128) ||
      !is_hash(envelope.image_xxh128) || render(envelope) != block) {
    bad(name, "damaged: the 512 bytes of its header do not match their hash");
  }
  const std::uint64_t expected = block_bytes + envelope.image_bytes;
  if (file_bytes < expected) {
    bad(name, fmt::format("cut short: {} of {} bytes", file_bytes, expected));
  }
  if (file_bytes > expected) {
    bad(name, fmt::format("damaged: {} bytes, expected {}", file_bytes, expected));
  }
  return envelope;
}

}  // namespace

std::string hash_hex(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void seal(std::vector<std::byte>& image, Envelope envelope) {
  const auto require = [](bool condition, std::string_view what) {
    if (!condition) throw Error(ExitCode::internal, fmt::format("sealing a file: {}", what));
  };
  require(image.size() >= block_bytes, "the image has no room for the header");
  require(is_status(envelope.status), "the status is not a word of a-z and '_'");
  require(envelope.step >= 0 && envelope.t_icl_step.value_or(0) >= 0, "a step is negative");
  require(is_hash(envelope.config_xxh128), "the hash of the configuration is not 32 hex digits");
  const std::span<const std::byte> content = std::span(image).subspan(block_bytes);
  envelope.image_bytes = content.size();
  envelope.image_xxh128 = hash_hex(content);
  const std::string block = render(envelope);
  std::ranges::copy(std::as_bytes(std::span(block)), image.begin());
}

Envelope unseal(std::span<const std::byte> file, const std::string& name, FileKind kind) {
  const std::size_t head_bytes = std::min(file.size(), block_bytes);
  Envelope envelope = parse_block(as_text(file.first(head_bytes)), file.size(), name, kind);
  if (hash_hex(file.subspan(block_bytes)) != envelope.image_xxh128) {
    bad(name, "damaged: its content does not match its hash");
  }
  return envelope;
}

Envelope read_block(const std::filesystem::path& path, FileKind kind) {
  const FileHead head = read_head(path, block_bytes);
  return parse_block(as_text(head.bytes), head.file_bytes, path.native(), kind);
}

}  // namespace icl::io
