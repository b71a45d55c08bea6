#pragma once

#include <cstddef>
#include <vector>

#include "icl/run/run_record.hpp"
#include "icl/store/group_writer.hpp"

namespace icl::run {

/// The bytes of the run file: HDF5 image, then the block (store/envelope.hpp). Everything that may
/// differ between two equal runs is in /provenance. By one thread at a time, as HDF5 is used;
/// throws Error(internal) for a record that contradicts itself.
[[nodiscard]] std::vector<std::byte> encode(const RunRecord&);

/// The same with another prediction than the record's: what is expected of a file that was read.
[[nodiscard]] std::vector<std::byte> encode(const RunRecord&, const std::optional<RunPrediction>&);

// ---- What merged files say in the same words ----

[[nodiscard]] store::Caption step_caption();
[[nodiscard]] store::Caption caption_of(const train::Metric&);

/// Adds a probe's formula, and the paper that it is from, to its dataset.
void say_source(store::GroupWriter&, const train::Metric&);

}  // namespace icl::run
