#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/real.hpp"
#include "icl/task/given_items.hpp"

namespace icl::task {

/// A table whose rows say where they are: row e of class k is (first + k, e), D = 2.
inline ItemTable table_of(std::int64_t classes, std::int64_t exemplars, std::int64_t first,
                          std::vector<Label> labels = {}) {
  ItemTable table{.classes = classes,
                  .exemplars = exemplars,
                  .dimension = 2,
                  .rows = {},
                  .labels = std::move(labels)};
  for (std::int64_t k = 0; k < classes; ++k) {
    for (std::int64_t e = 0; e < exemplars; ++e) {
      table.rows.push_back(static_cast<float>(first + k));
      table.rows.push_back(static_cast<float>(e));
    }
  }
  return table;
}

/// What such a row says.
inline std::int64_t class_of(std::span<const Real> row) {
  return static_cast<std::int64_t>(row[0]);
}
inline std::int64_t exemplar_of(std::span<const Real> row) {
  return static_cast<std::int64_t>(row[1]);
}

}  // namespace icl::task
