#pragma once

#include <span>
#include <string>

#include "icl/run/provenance.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/store/hdf5_writer.hpp"

namespace icl::run {

/// Writes stretches as a table, a row each, with the columns of stretch_fields().
void write_stretches(store::Hdf5Writer&, const std::string& path, std::span<const Stretch>);

/// Reads them again. A column that is missing leaves its default, one that is unknown is ignored:
/// provenance decides nothing but what a resumed run is compared with. Error(bad_input) for
/// anything that is not a table.
[[nodiscard]] Provenance read_stretches(const store::Hdf5Reader&, const std::string& path);

}  // namespace icl::run
