#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "icl/core/tensor.hpp"

namespace icl {

/// A dense row-major matrix that lies somewhere else: where, and how far it reaches. Layers take
/// views, and look at their extents before they touch what is behind them.
template <class T>
struct BasicMatrixView {
  using TensorType = std::conditional_t<std::is_const_v<T>,
                                        const BasicTensor<std::remove_const_t<T>>, BasicTensor<T>>;

  BasicMatrixView() = default;  ///< of nothing: where a layer may be given none
  BasicMatrixView(T* first, std::int64_t row_count, std::int64_t column_count)
      : data(first), rows(row_count), columns(column_count) {}
  /// [R, ...] as R rows: a vector is a matrix of one column.
  BasicMatrixView(TensorType& tensor)  // NOLINT(google-explicit-constructor): tensors are matrices
      : data(tensor.data()), rows(tensor.shape().empty() ? 0 : tensor.extent(0)), columns(1) {
    for (std::size_t axis = 1; axis < tensor.shape().size(); ++axis) columns *= tensor.extent(axis);
  }
  template <class Other>
  requires(std::same_as<const Other, T> && !std::same_as<Other, T>)
      BasicMatrixView(  // NOLINT(google-explicit-constructor): what may be written may be read
          const BasicMatrixView<Other>& other)
      : BasicMatrixView(other.data, other.rows, other.columns) {}

  [[nodiscard]] bool is_none() const { return data == nullptr; }
  [[nodiscard]] T* row(std::int64_t i) const {
    assert(i >= 0 && i < rows);
    return data + i * columns;
  }
  /// Without the rows before row `first`.
  [[nodiscard]] BasicMatrixView from(std::int64_t first) const {
    assert(first >= 0 && first <= rows);
    return {data + first * columns, rows - first, columns};
  }

  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

using MatrixView = BasicMatrixView<Real>;
using ConstMatrixView = BasicMatrixView<const Real>;

}  // namespace icl
