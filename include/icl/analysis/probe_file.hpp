#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "icl/analysis/probe_record.hpp"

namespace icl::analysis {

/// The file that holds a record: HDF5, with units, formula and source of each table.
[[nodiscard]] std::vector<std::byte> encode(const ProbeRecord&);

/// The record that encode was given. Error(bad_input) names the file and what is wrong.
[[nodiscard]] ProbeRecord decode_probe(std::span<const std::byte> bytes, const std::string& name);

}  // namespace icl::analysis
