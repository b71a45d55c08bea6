#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/core/gemm.hpp"
#include "icl/core/parallel.hpp"
#include "icl/core/random.hpp"
#include "icl/core/tensor.hpp"

namespace icl::nn {

/// The two groups of weight decay: {LayerNorm, W_q, W_k, W_v} and {MLP}.
enum class Group : std::uint8_t { attention, mlp };

/// Where a backward pass puts the gradient g of a parameter:
///     target <- (1 - decay) target + rate g     (accumulate)
///     target <- rate g                          (otherwise)
/// With the parameter's value as target, rate = -lr and decay = lr lambda, this is the SGD step,
/// and it rides on the GEMM that computes g: no gradient is ever stored. With the gradient as
/// target it is the plain gradient.
struct Sink {
  Real* target = nullptr;
  Real rate = 1;
  Real decay = 0;
  bool accumulate = false;
};

/// A trained tensor, with what is needed to store it so that others can read it.
struct Parameter {
  std::string name;  ///< dotted, as in the state_dict of the torch module of this shape
  std::vector<std::string> axes;  ///< name of each axis of `value`
  Group group = Group::mlp;
  Tensor value;
  Sink sink;            ///< set by the optimiser before each backward pass
  bool frozen = false;  ///< not trained

  /// sink.target[first + i] takes g[i], i < count.
  void take(const Real* g, std::int64_t first, std::int64_t count);
  /// The vector sink.target takes the sum over the first `rows` rows of x [., columns], added up in
  /// order.
  void take_column_sums(const Tensor& x, std::int64_t rows);
  /// Rows [first, first + rows) of the matrix sink.target take op(a) op(b), [rows, columns], a sum
  /// over k terms.
  void take_product(std::int64_t first, std::int64_t rows, std::int64_t k, Operand a, Operand b,
                    const Workers&);
};

/// Fills value with U(-bound, bound). `ordinal` is the parameter's place in its model: a pure
/// function of (seed, ordinal, element).
void initialise_uniform(Parameter& parameter, double bound, std::int64_t seed,
                        std::uint32_t ordinal);

/// Fills the rows of a matrix value [R, C] with N(0, 1/C), as initialise_uniform().
void initialise_normal(Parameter& parameter, std::int64_t seed, std::uint32_t ordinal);

}  // namespace icl::nn
