#pragma once

#include <span>
#include <string>

#include "icl/store/hdf5.hpp"

namespace icl::store {

/// A table as CSV (RFC 4180: a line of names, fields with commas, quotes or line breaks in quotes,
/// lines that end with CR LF), UTF-8. Numbers have as many digits as give the same bits again; NaN
/// is an empty field, which R, pandas and LibreOffice read as missing; infinity is Inf. The columns
/// have one length.
[[nodiscard]] std::string to_csv(std::span<const Column> columns);

}  // namespace icl::store
