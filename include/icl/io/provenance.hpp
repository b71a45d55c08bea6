#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "icl/io/hdf5.hpp"

namespace icl::io {

/// Everything that may differ between two equal runs: attributes of /provenance, in this order.
using Provenance = std::vector<std::pair<std::string, AttributeValue>>;

/// What is known before a run starts: program, commit, compiler, flags, library versions, BLAS
/// build and kernel set, CPU, host, threads, command line, time of start (ISO 8601, UTC).
[[nodiscard]] Provenance describe_process(int threads, std::string_view command_line);

/// Adds an attribute, or replaces its value.
void set(Provenance&, std::string_view name, AttributeValue value);

/// Now, in UTC, as 2026-01-31T12:34:56Z.
[[nodiscard]] std::string utc_now();

}  // namespace icl::io
