#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/real.hpp"
#include "icl/io/provenance.hpp"

namespace icl::io {

/// Raised when, and only when, equal configurations begin to give other bits.
inline constexpr std::int64_t numerics_version = 1;

enum class RunStatus : std::uint8_t { running, done, interrupted, diverged };
[[nodiscard]] std::string_view to_string(RunStatus);

/// One parameter at S steps.
struct ParameterSeries {
  std::string name;                ///< in the torch state_dict
  std::vector<std::string> axes;   ///< names of the axes behind the first, which is the step
  std::vector<std::int64_t> shape;  ///< their lengths
  std::vector<Real> values;        ///< [S, shape...]
  bool operator==(const ParameterSeries&) const = default;
};

/// All that a run file holds. The file is a pure function of this: equal records give equal bytes.
struct RunRecord {
  config::Config config;
  RunStatus status = RunStatus::running;
  std::string stop_reason;  ///< why a run is done: "epochs" or "icl_accuracy"; empty otherwise
  std::int64_t step = 0;    ///< completed updates
  std::optional<std::int64_t> t_icl_step;
  std::vector<std::int64_t> metric_steps;        ///< [M]
  std::vector<std::vector<double>> metrics;      ///< one column [M] for each row of train::metrics()
  std::vector<std::int64_t> snapshot_steps;      ///< [S]
  std::vector<ParameterSeries> snapshots;        ///< one for each parameter
  Provenance provenance;
};

/// The resolved configuration that determines the numbers, as 32 hex digits (XXH3-128). Keys that
/// only say when to write do not count.
[[nodiscard]] std::string config_hash(const config::Config&);

/// The bytes of the run file: envelope and HDF5 image.
[[nodiscard]] std::vector<std::byte> encode(const RunRecord&);

/// The record that encode was given. Checks hash, names, ranks, shapes and types before it asks for
/// memory; throws Error(ExitCode::bad_input) that names the file and what is wrong.
[[nodiscard]] RunRecord decode(std::span<const std::byte> file, const std::string& name);

/// decode(read_file(path)).
[[nodiscard]] RunRecord read_run(const std::filesystem::path& path);

}  // namespace icl::io
