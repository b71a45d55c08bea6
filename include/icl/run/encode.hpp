#pragma once

#include <cstddef>
#include <vector>

#include "icl/run/run_record.hpp"
#include "icl/store/group_writer.hpp"

namespace icl::run {

/// The bytes of the run file: envelope and HDF5 image. Everything that may differ between two equal
/// runs is in /provenance.
[[nodiscard]] std::vector<std::byte> encode(const RunRecord&);

// ---- What merged files say in the same words ----

[[nodiscard]] store::Caption step_caption();
[[nodiscard]] store::Caption caption_of(const train::Metric&);

/// Adds a probe's formula, and the paper that it is from, to its dataset.
void say_source(store::GroupWriter&, const train::Metric&);

}  // namespace icl::run
