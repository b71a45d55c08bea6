#include "icl/store/envelope.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "icl/core/enumeration.hpp"
#include "icl/core/error.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5.hpp"

namespace icl::store {
namespace {

constexpr std::size_t hash_digits = 32;        // of an XXH3-128
constexpr std::size_t block_hash_digits = 16;  // of an XXH64

constexpr auto titles =
    std::to_array<std::string_view>({"icl run file", "icl data file", "icl sweep file"});
static_assert(titles.size() == enumerator_count<FileKind>());

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
      title(envelope.kind), format_version, envelope.status, envelope.step, t_icl,
      envelope.config_xxh128, envelope.image_bytes, envelope.image_xxh128, last_key);
  const std::size_t digits_at = block.size();
  block.append(block_hash_digits, '0');
  block.resize(envelope_bytes, '\n');
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

/// Attribute `format` of our files' root group, as HDF5 keeps it: behind its superblock and the
/// root group, and there too after other programs wrote to the file.
using namespace std::string_view_literals;
constexpr std::array formats{"icl run\0"sv, "icl data\0"sv, "icl landscape\0"sv, "icl sweep\0"sv};
constexpr std::size_t start_bytes = 8192;

/// What is known of a file before its block is parsed.
struct Ends {
  std::string_view first;  ///< its first bytes: start_bytes unless it is shorter
  std::string_view last;   ///< its last bytes: 512 unless it is shorter
  std::uint64_t file_bytes;
};

/// The kind that a line such as "icl run file 2" names, and its number; nothing for another line.
std::optional<std::pair<std::string_view, std::int64_t>> parse_title(std::string_view block) {
  const std::string_view line = block.substr(0, block.find('\n'));
  for (const std::string_view known : titles) {
    if (!line.starts_with(known) || line.substr(known.size(), 1) != " ") continue;
    const auto number = parse_number(line.substr(known.size() + 1));
    if (number) return std::pair(known, *number);
  }
  return std::nullopt;
}

/// The length of HDF5's own part, as the first bytes of our files give it (version 0 of HDF5's
/// superblock, lengths of 8 bytes); nothing if they do not look like that.
std::optional<std::uint64_t> hdf5_length(std::string_view first) {
  constexpr std::size_t version_at = 8;
  constexpr std::size_t widths_at = 13;
  constexpr std::size_t end_at = 40;
  if (first.size() < end_at + sizeof(std::uint64_t) || first[version_at] != 0) return std::nullopt;
  if (first.substr(widths_at, 2) != "\x08\x08") return std::nullopt;
  std::uint64_t length = 0;
  for (std::size_t i = sizeof length; i-- > 0;) {
    length = length << 8U | static_cast<unsigned char>(first[end_at + i]);
  }
  return length;
}

bool was_ours(std::string_view first) {
  return std::ranges::any_of(formats, [&](std::string_view format) {
    return first.find(format) != std::string_view::npos;
  });
}

/// Says why a file does not end with a block.
[[noreturn]] void no_block(const Ends& file, const std::string& name, FileKind kind) {
  if (const auto old = parse_title(file.first); old && old->second < format_version) {
    bad(name, fmt::format("is an '{} {}' of an earlier icl, whose block stood in front; this "
                          "program reads version {}: write it again with data/convert.py of the "
                          "source (python3 data/convert.py OLD.h5 NEW.h5)",
                          old->first, old->second, format_version));
  }
  if (!file.first.starts_with(hdf5_signature)) {
    const bool begun = !file.first.empty() && hdf5_signature.starts_with(file.first);
    bad(name, begun ? fmt::format("cut short: {} bytes", file.file_bytes)
                    : fmt::format("not an {}", title(kind)));
  }
  const auto length = hdf5_length(file.first);
  const std::uint64_t whole = length.value_or(0) + envelope_bytes;
  const bool once_ours = was_ours(file.first);
  // HDF5 cuts what is behind its own end off when it closes a file to which it could write; later
  // versions of its superblock were never ours.
  if (once_ours && (!length || file.file_bytes == *length)) {
    bad(name, fmt::format("changed by another program since it was written: it is HDF5 still, but "
                          "the {} bytes at its end, with the hashes, are gone (as after h5py.File "
                          "with mode 'r+' or 'a', or h5repack). h5py reads it; icl does not go on "
                          "from it, as nothing tells what in it is as it was",
                          envelope_bytes));
  }
  if (length && file.file_bytes == *length) {
    bad(name, fmt::format("not an {}: an HDF5 file that does not end with the {} bytes of icl's "
                          "block",
                          title(kind), envelope_bytes));
  }
  if (length && *length < UINT64_MAX - envelope_bytes && file.file_bytes != whole) {
    bad(name, file.file_bytes < whole
                  ? fmt::format("cut short: {} of {} bytes", file.file_bytes, whole)
                  : fmt::format("damaged: {} bytes, expected {}", file.file_bytes, whole));
  }
  bad(name, fmt::format("not an {}, or damaged: its last {} bytes are no block of icl", title(kind),
                        envelope_bytes));
}

void check_title(const Ends& file, const std::string& name, FileKind kind) {
  const auto found = parse_title(file.last);
  const bool is_old = !file.first.starts_with(hdf5_signature) && parse_title(file.first);
  if (!found || is_old) no_block(file, name, kind);
  const auto [what, number] = *found;
  if (what != title(kind)) bad(name, fmt::format("is an {}, expected an {}", what, title(kind)));
  if (number == format_version) return;
  bad(name, fmt::format("is an '{} {}', but this program reads version {}", what, number,
                        format_version));
}

/// Checks everything about the ends of a file.
Envelope parse_block(const Ends& file, const std::string& name, FileKind kind) {
  const std::string_view block = file.last;
  check_title(file, name, kind);
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
    bad(name, "damaged: the 512 bytes of its block do not match their hash");
  }
  const std::uint64_t expected = envelope_bytes + envelope.image_bytes;
  if (file.file_bytes != expected) {
    bad(name, fmt::format("damaged: {} bytes, expected {}", file.file_bytes, expected));
  }
  if (!file.first.starts_with(hdf5_signature)) bad(name, "damaged: it does not begin as HDF5 does");
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
  require(as_text(image).starts_with(hdf5_signature), "the image is not HDF5");
  require(is_status(envelope.status), "the status is not a word of a-z and '_'");
  require(envelope.step >= 0 && envelope.t_icl_step.value_or(0) >= 0, "a step is negative");
  require(is_hash(envelope.config_xxh128), "the hash of the configuration is not 32 hex digits");
  envelope.image_bytes = image.size();
  envelope.image_xxh128 = hash_hex(image);
  const std::string block = render(envelope);
  const auto bytes = std::as_bytes(std::span(block));
  image.insert(image.end(), bytes.begin(), bytes.end());
}

Envelope unseal(std::span<const std::byte> file, const std::string& name, FileKind kind) {
  const std::size_t end_bytes = std::min(file.size(), envelope_bytes);
  const Ends ends{as_text(file.first(std::min(file.size(), start_bytes))),
                  as_text(file.last(end_bytes)), file.size()};
  Envelope envelope = parse_block(ends, name, kind);
  if (hash_hex(file.first(envelope.image_bytes)) != envelope.image_xxh128) {
    bad(name, "damaged: its content does not match its hash");
  }
  return envelope;
}

Envelope read_block(const std::filesystem::path& path, FileKind kind) {
  const FileEnds ends = read_ends(path, start_bytes);
  const std::size_t end_bytes = std::min(ends.last.size(), envelope_bytes);
  const auto last = std::span(ends.last).last(end_bytes);
  return parse_block({as_text(ends.first), as_text(last), ends.file_bytes}, path.native(), kind);
}

FileLook look_at(const std::filesystem::path& path) {
  const FileEnds ends = read_ends(path, start_bytes);
  const std::string_view first = as_text(ends.first);
  const std::string_view last =
      as_text(std::span(ends.last).last(std::min(ends.last.size(), envelope_bytes)));
  if (!first.starts_with(hdf5_signature)) return FileLook::run_or_none;
  if (const auto found = parse_title(last)) {
    if (found->first == title(FileKind::data)) return FileLook::data;
    if (found->first == title(FileKind::sweep)) return FileLook::sweep;
    return FileLook::run_or_none;
  }
  const auto length = hdf5_length(first);
  const bool whole = !length || *length == ends.file_bytes;
  return whole && !was_ours(first) ? FileLook::other_hdf5 : FileLook::run_or_none;
}

}  // namespace icl::store
