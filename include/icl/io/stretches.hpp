#pragma once

#include <span>
#include <string>

#include "icl/io/hdf5_reader.hpp"
#include "icl/io/hdf5_writer.hpp"
#include "icl/io/provenance.hpp"

namespace icl::io {

/// Writes stretches as a table, a row each, with the columns of stretch_fields().
void write_stretches(Hdf5Writer&, const std::string& path, std::span<const Stretch>);

/// Reads them again. A column that is missing leaves its default, one that is unknown is ignored:
/// provenance decides nothing but what a resumed run is compared with. Error(bad_input) for
/// anything that is not a table.
[[nodiscard]] Provenance read_stretches(const Hdf5Reader&, const std::string& path);

}  // namespace icl::io
