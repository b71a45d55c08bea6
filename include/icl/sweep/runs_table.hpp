#pragma once

#include <type_traits>
#include <vector>

#include "icl/store/hdf5.hpp"
#include "icl/sweep/collector.hpp"

/// The table /runs.
namespace icl::sweep {

/// What `get` says of each row.
template <class Get>
auto column(const std::vector<Row>& rows, Get get) {
  std::vector<std::decay_t<decltype(get(rows.front()))>> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(get(row));
  return values;
}

/// An axis as a column: text, integers where every run has one, otherwise numbers (data.K, which
/// may be infinite, always).
[[nodiscard]] store::Column axis_column(const std::vector<Row>& rows, const config::Field& field,
                                        std::size_t axis);

/// One row a run: see merge.hpp.
[[nodiscard]] std::vector<store::Column> runs_table(const Collector& runs, const Plan& plan);

}  // namespace icl::sweep
