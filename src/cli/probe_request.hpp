#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/analysis/probe_record.hpp"

namespace icl::cli {

/// What the command line of `icl probe` says.
struct ProbeCommand {
  std::filesystem::path run;
  std::optional<std::string> steps;  ///< default: the run's snapshots
  bool curvature = false;
  bool coefficient = false;
  std::optional<std::filesystem::path> out;
  bool force = false;
  bool quiet = false;
  bool ignore_memory_limit = false;
  int threads = 0;
  std::vector<std::string> overrides;  ///< where the items lie now
  std::int64_t sequences = 512;
  curvature::CurvatureOptions of_curvature;
  analysis::CoefficientRequest of_coefficient;
  std::optional<double> inverse_temperature;  ///< default: n / ln n
};

/// What it asks for; Error(usage) for numbers that cannot be, and if it asks for nothing.
[[nodiscard]] analysis::ProbeRequest request_of(const ProbeCommand&);

}  // namespace icl::cli
