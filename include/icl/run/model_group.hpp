#pragma once

#include "icl/config/config.hpp"
#include "icl/store/hdf5_writer.hpp"

namespace icl::run {

/// Writes /model: the system in words and sizes from which it can be rebuilt, and in
/// /model/parameters an attribute for each parameter: its sub-circuit and what it is. All of it
/// follows from the configuration.
void write_model(store::Hdf5Writer&, const config::Config&);

}  // namespace icl::run
