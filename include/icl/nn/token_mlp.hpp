#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/config/blocks.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/linear.hpp"

namespace icl::nn {

/// The MLP of a token, for each of R of them: with three matrices
///     y = W3 f(W2 f(W1 x + b1) + b2) + b3,
/// x [R, I], y [R, O], H hidden units in each hidden layer; with two, y = W2 f(W1 x + b1) + b2, and
/// with one, y = W1 x + b1. No residual. Three matrices, ReLU and O = I make the MLP between two
/// layers of attention of Nguyen & Reddy (2024).
///
/// Tokens are cut in tiles of `tile` rows, whatever the number of workers: each goes through all
/// layers in one task. Where that has the same bits (may_join()) a task has `joined_tiles` of them.
/// No allocation. Matrices as for Linear.
class TokenMlp {
 public:
  static constexpr std::int64_t tile = 128;
  static constexpr std::int64_t joined_tiles = 2;

  struct Shape {
    std::int64_t in, hidden, out;  ///< I, H and O
    std::int64_t layers = 3;       ///< matrices: 1 to 3
    config::ActFn f = config::ActFn::relu;
  };
  /// Names of the axes of x and y, and of those of hidden layers 1 and 2 before their number.
  struct Axes {
    std::string in, out;
    std::string hidden = "hidden";
  };

  /// What forward leaves for backward; owned by the caller.
  struct Activations {
    Activations(std::int64_t rows, const Shape&, Storage storage = {});
    Tensor h1, h2;    ///< [R, H] after each nonlinearity; empty where there is none
    Tensor dh1, dh2;  ///< [R, H] gradients before each nonlinearity
    Tensor z1, z2;    ///< [R, H] before each one; empty for a ReLU

    /// From now on each ReLU lets through what it let through in the last forward pass, whatever
    /// its inputs: y is then smooth in x and all parameters, and has the derivatives that it has
    /// without this wherever those exist.
    void hold();
    [[nodiscard]] bool held() const { return !held1.empty(); }

    Tensor held1, held2;  ///< h1 and h2 of that pass; empty without one
  };

  /// Parameters `name`.0, `name`.2 and `name`.4 (.weight and .bias), as in a torch.nn.Sequential.
  TokenMlp(const std::string& name, const Shape&, const Axes&, Storage storage = {});

  /// Takes two ordinals a matrix.
  void initialise(std::int64_t seed, std::uint32_t ordinal);
  [[nodiscard]] std::vector<Parameter*> parameters();

  void forward(std::int64_t rows, ConstMatrixView x, Activations&, MatrixView y,
               const Workers&) const;

  /// From dy [R, O]: dx [R, I], and the gradients of all parameters into their sinks. All input
  /// gradients are taken before any weight may change.
  void backward(std::int64_t rows, ConstMatrixView x, Activations&, ConstMatrixView dy,
                MatrixView dx, const Workers&);

 private:
  [[nodiscard]] std::int64_t rows_of_a_task(std::int64_t rows) const;
  void require_fits(std::int64_t rows, const Activations&) const;
  void hidden_forward(std::size_t l, Tile rows, ConstMatrixView x, Activations&,
                      const Workers&) const;
  void hidden_backward(std::size_t l, Tile rows, ConstMatrixView dz, Activations&,
                       const Workers&) const;

  Shape shape_;
  std::vector<Linear> layers_;
};

}  // namespace icl::nn
