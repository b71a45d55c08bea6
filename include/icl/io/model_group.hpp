#pragma once

#include "icl/config/config.hpp"
#include "icl/io/hdf5_writer.hpp"

namespace icl::io {

/// Writes /model: the system in words and sizes from which it can be rebuilt, and in
/// /model/parameters an attribute for each parameter: its sub-circuit and what it is. All of it
/// follows from the configuration.
void write_model(Hdf5Writer&, const config::Config&);

}  // namespace icl::io
