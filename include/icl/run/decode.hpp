#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "icl/run/run_record.hpp"

namespace icl::run {

/// The record that encode was given. Checks hash, names, ranks, shapes and types before it asks for
/// memory; throws Error(ExitCode::bad_input) that names the file and what is wrong.
[[nodiscard]] RunRecord decode(std::span<const std::byte> file, const std::string& name);

/// As decode(), of the HDF5 content alone: without looking at the block or at any hash.
[[nodiscard]] RunRecord decode_content(std::span<const std::byte> file, const std::string& name);

/// A run file as it lies on the disk.
struct RunFile {
  RunRecord record;
  std::string hash;  ///< image_xxh128
};

/// Throws as decode and read_file do.
[[nodiscard]] RunFile read_run(const std::filesystem::path& path);

}  // namespace icl::run
