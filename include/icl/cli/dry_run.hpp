#pragma once

#include <string>

#include "icl/config/config.hpp"

namespace icl::cli {

/// What a run would be: the resolved TOML, then as comments its parameter count, and the time, file
/// size and memory it would take. The time is measured on a fraction of a second of real training
/// (with at most 10000 items), with evaluations counted in. Writes nothing to disk.
[[nodiscard]] std::string dry_run(const config::Config&, int threads);

}  // namespace icl::cli
