#pragma once

#include <algorithm>
#include <vector>

#include "document.hpp"
#include "icl/config/sweep.hpp"

/// One axis of a sweep, or key of a grid, as it is read.
namespace icl::config {

/// The axis, or the key of a grid, with this field; nullptr if there is none.
template <class Axes>
auto* find_axis(Axes& axes, const Field* field) {
  const auto at = std::ranges::find(axes, field, &Axis::field);
  return at == axes.end() ? nullptr : &*at;
}

/// Each value that an entry has for a key as the key holds it (1e5 as an integer), once. Error
/// (usage) for one that it cannot hold, and for one that somebody wrote twice; a spacing may come
/// to a value twice, as rounding down does.
[[nodiscard]] std::vector<Value> distinct_values(const Entry&, const Field&,
                                                 const std::vector<Value>&);

/// The axis of these values, distinct. Error(usage) for a key that makes no other run.
[[nodiscard]] Axis axis_of(const Entry&, const Field&, const std::vector<Value>&);

}  // namespace icl::config
