#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

/// y = g n + b, n = (x - mean) / sqrt(variance + 1e-5), for each row of x [R, X]; biased variance
/// (Ba, Kiros & Hinton 2016; torch.nn.LayerNorm(X)).
///
/// Rows are cut in tiles of `tile`, whatever the number of workers. No allocation. Matrices as for
/// Linear.
class LayerNorm {
 public:
  static constexpr std::int64_t tile = 64;
  static constexpr double epsilon = 1e-5;

  /// What forward leaves for backward; owned by the caller.
  struct Activations {
    Activations(std::int64_t rows, std::int64_t width, Storage storage = {});
    Tensor n;             ///< [R, X]
    Tensor scale;         ///< 1 / sqrt(variance + epsilon) [R]
    Tensor dgain, dbias;  ///< each tile's share [tiles, X]
  };

  /// Parameters `name`.weight (gain, 1 at first) and `name`.bias (0 at first), [X].
  LayerNorm(const std::string& name, std::int64_t width, const std::string& axis,
            Storage storage = {});

  void initialise();
  [[nodiscard]] std::vector<Parameter*> parameters() { return {&gain, &bias}; }

  /// y [R, X]; may not be x.
  void forward(std::int64_t rows, ConstMatrixView x, Activations&, MatrixView y,
               const Workers&) const;

  /// From dy [R, X]: what it adds to dx [R, X] (unless that is {}), and the gradients of gain
  /// and bias into their sinks.
  void backward(std::int64_t rows, Activations&, ConstMatrixView dy, MatrixView dx, const Workers&);

  Parameter gain;
  Parameter bias;

 private:
  [[nodiscard]] std::int64_t width() const { return gain.value.extent(0); }
  void require_fits(std::int64_t rows, const Activations&) const;
};

}  // namespace icl::nn
