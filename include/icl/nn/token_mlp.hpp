#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/nn/linear.hpp"

namespace icl::nn {

/// The MLP between two layers of attention (Nguyen & Reddy 2024), for each of R tokens:
///     y = W3 relu(W2 relu(W1 x + b1) + b2) + b3,
/// x and y [R, X], H hidden units in each of the two layers; no residual.
///
/// Tokens are cut in tiles of `tile` rows, whatever the number of workers: each goes through all
/// layers in one task. Where that has the same bits (may_join()) a task has `joined_tiles` of them.
/// No allocation.
class TokenMlp {
 public:
  static constexpr std::int64_t tile = 128;
  static constexpr std::int64_t joined_tiles = 2;

  /// What forward leaves for backward; owned by the caller.
  struct Activations {
    Activations(std::int64_t rows, std::int64_t hidden, Storage storage = {});
    Tensor h1, h2;    ///< [R, H] after each ReLU
    Tensor dh1, dh2;  ///< [R, H] gradients before each ReLU

    /// From now on each ReLU lets through what it let through in the last forward pass, whatever
    /// its inputs: y is then smooth in x and all parameters, and has the derivatives that it has
    /// without this wherever those exist.
    void hold();
    [[nodiscard]] bool held() const { return !held1.empty(); }

    Tensor held1, held2;  ///< h1 and h2 of that pass; empty without one
  };

  /// Parameters `name`.0, `name`.2 and `name`.4 (.weight and .bias), as in a torch.nn.Sequential;
  /// `axis` names that of the X entries of a token.
  TokenMlp(const std::string& name, std::int64_t width, std::int64_t hidden,
           const std::string& axis, Storage storage = {});

  void initialise(std::int64_t seed, std::uint32_t ordinal);
  [[nodiscard]] std::vector<Parameter*> parameters();

  void forward(std::int64_t rows, const Real* x, Activations&, Real* y, const Workers&) const;

  /// From dy [R, X]: dx [R, X], and the gradients of all parameters into their sinks. All input
  /// gradients are taken before any weight may change.
  void backward(std::int64_t rows, const Real* x, Activations&, const Real* dy, Real* dx,
                const Workers&);

 private:
  [[nodiscard]] std::int64_t width() const { return first_.weight.value.extent(1); }
  [[nodiscard]] std::int64_t rows_of_a_task(std::int64_t rows) const;

  Linear first_, second_, third_;
};

}  // namespace icl::nn
