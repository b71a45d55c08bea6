#pragma once

#include <cstddef>
#include <vector>

#include "icl/io/group_writer.hpp"
#include "icl/io/run_record.hpp"

namespace icl::io {

/// The bytes of the run file: envelope and HDF5 image. Everything that may differ between two equal
/// runs is in /provenance.
[[nodiscard]] std::vector<std::byte> encode(const RunRecord&);

// ---- What merged files say in the same words ----

[[nodiscard]] Caption step_caption();
[[nodiscard]] Caption caption_of(const train::Metric&);

/// Adds a probe's formula, and the paper that it is from, to its dataset.
void say_source(GroupWriter&, const train::Metric&);

}  // namespace icl::io
