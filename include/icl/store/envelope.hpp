#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The 512 bytes behind an HDF5 image, readable with `tail -c 512`: what the file is, whether it is
/// whole, and what a listing of runs wants to know. HDF5 does not look behind its own end, so the
/// file is an HDF5 file from its first byte on. ASCII lines "key value", padded with newlines:
///
///     icl run file 3                    what it is; format_version
///     status done
///     step 4690                         optimiser steps done
///     t_icl_step 1407                   or none
///     config_xxh128 <32 hex digits>     of the configuration that determines the run
///     image_bytes 73216                 bytes before the block
///     image_xxh128 <32 hex digits>      XXH3-128 (seed 0, canonical order) of the bytes before it
///     block_xxh64 <16 hex digits>       XXH64 (seed 0) of the 512 bytes with these digits as '0'
///
/// A block is valid only if it is byte for byte what this version would write, so that any damage
/// shows. Functions here keep no state and may be called from any thread.
namespace icl::store {

/// The version of the format of every file that this program writes; it stands in the block, and as
/// attribute format_version of the root group. In files of versions 1 and 2 the block stood before
/// the image; this program refuses them.
inline constexpr std::int64_t format_version = 3;

/// Length of the block.
inline constexpr std::size_t envelope_bytes = 512;

/// What a file holds: a run; data (sequences and weights of a run, a landscape, measurements on a
/// run); or the merged runs of a sweep.
enum class FileKind { run, data, sweep };

/// What the block says.
struct Envelope {
  FileKind kind = FileKind::run;
  std::string status = {};  ///< one word of a-z and '_', at most 32: running, done ...
  std::int64_t step = 0;    ///< not negative
  std::optional<std::int64_t> t_icl_step = {};  ///< not negative
  std::string config_xxh128 = {};               ///< 32 hex digits, as by hash_hex()
  std::uint64_t image_bytes = 0;                ///< set by seal()
  std::string image_xxh128 = {};                ///< set by seal()
  bool operator==(const Envelope&) const = default;
};

/// XXH3-128 as 32 lower-case hex digits (what `xxh128sum` prints).
[[nodiscard]] std::string hash_hex(std::span<const std::byte> bytes);

/// Appends the block to an image (from Hdf5Writer::finish()). Error(internal) if the image does not
/// begin as HDF5 or a field is not as its comment says.
void seal(std::vector<std::byte>& image, Envelope envelope);

/// Checks the whole file and returns what its block says; Hdf5Reader opens the same bytes. `name`
/// stands for the file in messages. Error(bad_input): another kind of file, a version that is not
/// ours, a damaged block, a file cut short or too long, a damaged image, or one that another
/// program has written to: HDF5 then cuts the block off. Of a file without a block, the length that
/// HDF5's own part should have tells whether it was cut.
[[nodiscard]] Envelope unseal(std::span<const std::byte> file, const std::string& name,
                              FileKind kind);

/// Reads and checks the block and the length of a file, not its image: two short reads.
/// Errors as for unseal() and read_file().
[[nodiscard]] Envelope read_block(const std::filesystem::path& path, FileKind kind);

/// What a file is by its ends, before anything of it is checked.
enum class FileLook {
  data,
  sweep,
  other_hdf5,   ///< HDF5 that this program did not write: a file of items
  run_or_none,  ///< to be read as a run, which says what is wrong with it
};

/// Errors as for read_file().
[[nodiscard]] FileLook look_at(const std::filesystem::path& path);

}  // namespace icl::store
