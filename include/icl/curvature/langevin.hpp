#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/curvature/circuits.hpp"
#include "icl/curvature/vectors.hpp"

namespace icl::curvature {

/// What a chain of stochastic gradient Langevin dynamics does.
struct Langevin {
  double step = 0;                 ///< epsilon
  double localisation = 0;         ///< gamma
  double inverse_temperature = 0;  ///< n beta
  std::int64_t burn_in = 0;        ///< steps before the draws
  std::int64_t draws = 0;          ///< a multiple of the number of batches
  std::int64_t chains = 0;
  std::uint64_t seed = 0;
};

/// g <- the gradient of a batch's mean loss at w; returns that loss. Called from several threads at
/// once, for one chain from one at a time.
using BatchGradient = std::function<double(std::int64_t chain, std::int64_t batch,
                                           std::span<const double> w, std::span<double> g)>;

/// The loss of each chain [chains, burn_in + draws], on the batch that it saw, before each step:
///     w <- w - epsilon/2 (n beta grad L_m(w) + gamma (w - w*)) + sqrt(epsilon) xi,  w = w* at
///     first
/// (Lau et al. 2023, arXiv 2308.12108, algorithm 1). Chain c sees batch (c + t) mod M in step t, so
/// that the draws see each equally often. xi is standard normal, number (seed, t, c) of Philox:
/// equal for any number of threads, and common to all settings. Parameters outside of `free` stay.
[[nodiscard]] std::vector<Vector> langevin_losses(const BatchGradient&, std::int64_t batches,
                                                  std::span<const double> w, const Circuit& free,
                                                  const Langevin&, const Workers&);

/// The local learning coefficient, estimated (the same, section 4.2):
///     lambda = n beta (E L(w) - L(w*)),
/// E the mean over a chain's draws, `baseline` = L(w*). It is the mean over chains; its error the
/// standard error over chains, NaN for one.
struct Coefficient {
  double value = 0, error = 0;
  Vector chains;
};
[[nodiscard]] Coefficient learning_coefficient(const std::vector<Vector>& losses, double baseline,
                                               const Langevin&);

}  // namespace icl::curvature
