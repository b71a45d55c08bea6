#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace icl::run {

/// One stretch of a run: what one process trained of it, and where. Everything here may differ
/// between two equal runs.
struct Stretch {
  std::int64_t from_step = 0;  ///< completed updates where it began
  std::string program = {};    ///< name and version
  std::string commit = {};
  std::string compiler = {};
  std::string compiler_flags = {};
  std::string build_type = {};
  std::string blas = "unknown";             ///< version and build options of OpenBLAS
  std::string blas_kernel_set = "unknown";  ///< whose kernels ran; bits depend on it
  std::string blas_threading = "unknown";
  std::string hdf5 = {};
  std::string openmp = {};
  std::string fmt = {};
  std::string xxhash = {};
  std::string cpu = {};
  std::int64_t cpus_available = 0;
  std::int64_t threads = 0;          ///< offered
  std::int64_t threads_at_work = 0;  ///< at the last publication: see Pace
  std::string host = {};
  std::int64_t process = 0;
  std::string command_line = {};
  std::string items_folder = {};    ///< where relative paths of items were looked for, too
  std::string time_started = {};    ///< ISO 8601, UTC
  std::string time_published = {};  ///< the last publication
  double wall_seconds = 0;          ///< from the start to there
  std::int64_t publications = 0;
  double publishing_seconds = 0;
  bool operator==(const Stretch&) const = default;
};

/// The stretches of a run, in order: each begins where the one before was interrupted.
using Provenance = std::vector<Stretch>;

/// A column of the table of stretches.
struct StretchField {
  const char* name;
  std::variant<std::int64_t Stretch::*, double Stretch::*, std::string Stretch::*> member;
};
/// All columns, in the order of Stretch.
[[nodiscard]] std::span<const StretchField> stretch_fields();

/// What is known of this process before it trains: program, libraries, BLAS, CPU, host, threads,
/// command line, time.
[[nodiscard]] Stretch describe_process(int threads, std::string_view command_line);

/// Now, in UTC, as 2026-01-31T12:34:56Z.
[[nodiscard]] std::string utc_now();

}  // namespace icl::run
