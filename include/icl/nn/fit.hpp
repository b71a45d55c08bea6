#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "icl/core/matrix_view.hpp"

namespace icl::nn {

/// Error(internal) "`who` needs `what` [rows, columns] and was given" the shape of it.
[[noreturn]] void report_misfit(const std::string& who, std::string_view what,
                                ConstMatrixView given, std::int64_t rows, std::int64_t columns);

/// What a layer is given must have as many columns as the layer reads or writes, and room for a row
/// of each sequence or token. Otherwise Error(internal), which names the layer (by its weights),
/// the matrix and both shapes; nothing was read or written then.
inline void require_fit(const std::string& layer, std::string_view what, ConstMatrixView given,
                        std::int64_t rows, std::int64_t columns) {
  const bool fits = given.columns == columns && given.rows >= rows;
  if (!fits) report_misfit("the layer of " + layer, what, given, rows, columns);
}

/// The same of what may be longer than is needed: activations for sequences of more tokens.
inline void require_room(const std::string& layer, std::string_view what, ConstMatrixView given,
                         std::int64_t rows, std::int64_t columns) {
  const bool fits = given.columns >= columns && given.rows >= rows;
  if (!fits) report_misfit("the layer of " + layer, what, given, rows, columns);
}

}  // namespace icl::nn
