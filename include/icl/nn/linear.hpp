#pragma once

#include <cstdint>
#include <string>

#include "icl/core/matrix_view.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

enum class Activation : std::uint8_t { none, relu };

/// h = f(x W^T + b), with x [B, I], W [O, I], b [O], h [B, O] and f the identity or ReLU.
///
/// Forward and backward are cut in tiles of `tile` columns of the result, whatever the number of
/// workers; one worker alone takes all of them at once where that has the same bits
/// (task_extent()). NaN passes through the ReLU. No allocation.
///
/// Matrices may have more rows than `batch`, the first of which are meant. Of a matrix that does
/// not fit: Error(internal), before anything is written.
class Linear {
 public:
  static constexpr std::int64_t tile = 128;

  /// Parameters `name`.weight and `name`.bias; `in_axis` and `out_axis` name their axes.
  Linear(const std::string& name, std::int64_t in, std::int64_t out, const std::string& in_axis,
         const std::string& out_axis, Storage storage = {});

  /// Weights and bias from U(-1/sqrt(I), 1/sqrt(I)), as torch.nn.Linear.
  void initialise(std::int64_t seed, std::uint32_t ordinal);

  void forward(std::int64_t batch, ConstMatrixView x, MatrixView h, Activation f,
               const Workers&) const;

  /// h <- h where `open` > 0, else 0, both [B, O]: a ReLU that lets through what another time it
  /// let through, of which `open` is the result.
  void keep_open(std::int64_t batch, ConstMatrixView open, MatrixView h, const Workers&) const;

  /// dx [B, I] from dz [B, O], the gradient before f. If x is itself the result of a ReLU, pass it
  /// as `relu_output` and dx becomes the gradient before that ReLU; otherwise {}.
  void backward_input(std::int64_t batch, ConstMatrixView dz, ConstMatrixView relu_output,
                      MatrixView dx, const Workers&) const;

  /// Hands dW = dz^T x and db = sum over the batch of dz to the parameters' sinks.
  void backward_parameters(std::int64_t batch, ConstMatrixView x, ConstMatrixView dz,
                           const Workers&);

  Parameter weight;
  Parameter bias;

 private:
  [[nodiscard]] std::int64_t in() const { return weight.value.extent(1); }
  [[nodiscard]] std::int64_t out() const { return weight.value.extent(0); }
};

}  // namespace icl::nn
