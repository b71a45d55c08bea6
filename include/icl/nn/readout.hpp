#pragma once

#include <cstdint>
#include <string>

#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

/// A linear layer with one output, z = h w + b: h [B, I], w [1, I], b [1], z [B]. Too thin for a
/// GEMM, so it has loops of its own. h must come from a ReLU. No allocation. Matrices as for
/// Linear.
class Readout {
 public:
  Readout(const std::string& name, std::int64_t in, const std::string& in_axis,
          Storage storage = {});

  /// Weights and bias from U(-1/sqrt(I), 1/sqrt(I)), as torch.nn.Linear.
  void initialise(std::int64_t seed, std::uint32_t ordinal);

  void forward(std::int64_t batch, ConstMatrixView h, MatrixView z, const Workers&) const;

  /// dh [B, I], the gradient before the ReLU that gave h, from dz [B].
  void backward_input(std::int64_t batch, ConstMatrixView dz, ConstMatrixView h, MatrixView dh,
                      const Workers&) const;

  /// Hands dw = sum_b dz h and db = sum_b dz to the parameters' sinks.
  void backward_parameters(std::int64_t batch, ConstMatrixView h, ConstMatrixView dz,
                           const Workers&);

  Parameter weight;
  Parameter bias;

 private:
  [[nodiscard]] std::int64_t in() const { return weight.value.size(); }
};

}  // namespace icl::nn
