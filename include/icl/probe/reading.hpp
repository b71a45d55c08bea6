#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"

namespace icl::probe {

struct Column;

/// Where a number of a reading stands: in the column of that name, which is that of one parameter
/// or of one head where there is one for each.
struct Place {
  const Column* column;
  std::size_t which = 0;
};

/// Whether a run of this configuration has what the column needs, and so the column.
[[nodiscard]] bool has_column(const Column&, const config::Config&);
/// How many values a probe writes for that column in a run of so many parameters.
[[nodiscard]] std::size_t count_of(const Column&, const config::Config&, std::size_t parameters);

/// The places of a reading of a run of this configuration and so many parameters, in their order:
/// by probe, by column, by parameter or head.
[[nodiscard]] std::vector<Place> places_of(const config::Config&, std::size_t parameters);

/// What the probes read off a model at one time.
struct Reading {
  std::vector<Place> places;
  std::vector<double> values;  ///< of each place

  /// The number in that column (of the first parameter or head); NaN if it was not asked for.
  [[nodiscard]] double operator[](std::string_view column) const;
};

}  // namespace icl::probe
