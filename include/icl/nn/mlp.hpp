#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/nn/linear.hpp"
#include "icl/nn/readout.hpp"

namespace icl::nn {

/// The output MLP of Nguyen & Reddy (2024): z = w3 relu(W2 relu(W1 x + b1) + b2) + b3, x [B, I], H
/// hidden units in each of the two layers, one logit z [B]. Matrices as for Linear.
class Mlp {
 public:
  /// What forward leaves for backward; owned by the caller.
  struct Activations {
    Activations(std::int64_t batch, std::int64_t hidden, Storage storage = {});
    Tensor h1, h2;    ///< [B, H] after each ReLU
    Tensor dh1, dh2;  ///< [B, H] gradients before each ReLU

    /// From now on each ReLU lets through what it let through in the last forward pass, whatever
    /// its inputs: z is then smooth in x and all parameters, and has the derivatives that it has
    /// without this wherever those exist.
    void hold();
    [[nodiscard]] bool held() const { return !held1.empty(); }

    Tensor held1, held2;  ///< h1 and h2 of that pass; empty without one
  };

  /// Parameters `name`.0, `name`.2 and `name`.4 (.weight and .bias), as in a torch.nn.Sequential.
  Mlp(const std::string& name, std::int64_t in, std::int64_t hidden, const std::string& in_axis,
      Storage storage = {});

  void initialise(std::int64_t seed, std::uint32_t ordinal);
  [[nodiscard]] std::vector<Parameter*> parameters();

  void forward(std::int64_t batch, ConstMatrixView x, Activations&, MatrixView z,
               const Workers&) const;

  /// From dz [B]: dx [B, I] unless it is {}, and the gradients of all parameters into their
  /// sinks. Each layer's input gradient is taken before its weights may change.
  void backward(std::int64_t batch, ConstMatrixView x, Activations&, ConstMatrixView dz,
                MatrixView dx, const Workers&);

 private:
  Linear first_, second_;
  Readout third_;
};

}  // namespace icl::nn
