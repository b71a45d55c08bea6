#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace icl::store {

/// The first difference between two HDF5 images outside of the top-level group `except`: objects,
/// attributes, types, shapes, values (bit by bit: -0 is not 0, and a NaN equals itself). Names what
/// differs, with index and both values; nothing if there is none. Datasets with a scale `step` in
/// their group name the step too.
[[nodiscard]] std::optional<std::string> first_difference(std::span<const std::byte> expected,
                                                          std::span<const std::byte> actual,
                                                          const std::string& except);

}  // namespace icl::store
