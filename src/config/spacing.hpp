#pragma once

#include <vector>

#include "document.hpp"
#include "icl/config/fields.hpp"

namespace icl::config {

/// The values of a key's axis, read as the key's value is (value_for) but not yet checked against
/// it: a list, or in short
/// { from, to, step }, { linear, count } or { log, count }, with floor and times. Whole numbers of
/// a range are exact up to 2^53, others are rounded to twelve digits. Error(usage) for what is
/// neither, and for values that are not finite numbers.
[[nodiscard]] std::vector<Value> listed_values(const Entry&, const Field&);

}  // namespace icl::config
