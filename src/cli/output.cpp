#include "icl/cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "icl/core/error.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"

namespace icl::cli {
namespace {

std::string_view name_of(OutputKind kind) {
  switch (kind) {
    case OutputKind::run:
      return "run files";
    case OutputKind::data:
      return "files of icl export and icl theory landscape";
    case OutputKind::sweep:
      return "merged sweeps";
    case OutputKind::table:
      return "tables of icl merge";
  }
  return {};
}

void require_table(const std::filesystem::path& file) {
  constexpr std::string_view start = "hash,";  // the first column of /runs
  const std::vector<std::byte> found = store::read_head(file, start.size()).bytes;
  if (std::ranges::equal(found, std::as_bytes(std::span(start)))) return;
  throw Error(ExitCode::bad_input,
              fmt::format("'{}': not a table of runs that icl merge wrote, which begins with {}",
                          file.native(), start));
}

/// Throws Error(ExitCode::bad_input), with the reason, for another file.
void require_kind(const std::filesystem::path& file, OutputKind kind) {
  switch (kind) {
    case OutputKind::run:
      (void)store::read_block(file, store::FileKind::run);
      return;
    case OutputKind::data:
      (void)store::read_block(file, store::FileKind::data);
      return;
    case OutputKind::sweep:
      (void)store::read_block(file, store::FileKind::sweep);
      return;
    case OutputKind::table:
      require_table(file);
  }
}

}  // namespace

void check_distinct(const std::filesystem::path& in, const std::filesystem::path& out) {
  std::error_code ignored;
  if (std::filesystem::equivalent(in, out, ignored)) {
    throw Error(ExitCode::usage, fmt::format("--out '{}' is the file that is read", out.string()));
  }
}

void check_output(const std::filesystem::path& out, bool force, OutputKind kind) {
  store::check_creatable(out);
  std::error_code ignored;
  if (!std::filesystem::exists(out, ignored)) return;
  const bool empty = store::read_head(out, 1).bytes.empty();
  try {
    if (!empty) require_kind(out, kind);
  } catch (const Error& error) {
    if (error.code() != ExitCode::bad_input) throw;
    throw Error(ExitCode::cannot_create,
                fmt::format("{}; it exists already, and --force replaces whole {} only: choose "
                            "another --out, or remove it",
                            error.what(), name_of(kind)));
  }
  if (force) return;
  throw Error(ExitCode::cannot_create,
              fmt::format("'{}' exists already; --force replaces it", out.string()));
}

}  // namespace icl::cli
