#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "icl/curvature/circuits.hpp"
#include "icl/curvature/langevin.hpp"
#include "icl/curvature/loss.hpp"
#include "icl/curvature/second_order.hpp"

namespace icl::curvature {

struct CurvatureOptions {
  std::int64_t eigenvalues = 5;
  std::int64_t trace_samples = 16;  ///< vectors of signs
  double tolerance = 1e-3;          ///< see Lanczos
  std::int64_t most = 60;
  std::uint64_t seed = 0;
};

/// Of one circuit at one w.
struct CircuitCurvature {
  Eigenvalues hessian, fisher;
  Estimate hessian_trace;
  double fisher_trace = 0;
  double gradient_norm = 0;
  double noise_trace = 0;
};

struct Curvature {
  double loss = 0;
  std::vector<CircuitCurvature> circuits;
};

/// Curvature of the loss at w, by circuit:
/// - the largest eigenvalues of the circuit's blocks of Hessian H and true Fisher matrix F;
/// - tr F, exactly: the mean of p (1 - p) |dz/dw|^2;
/// - tr H = tr F + tr(H - F), the second by Hutchinson's estimator: of the Hessian what is no part
/// of
///   F is small where the network answers rightly, and so is its error;
/// - |grad L|, and the trace of the covariance of the gradients of single sequences, with n - 1:
/// over
///   B it is the variance of the gradient of a batch of B.
[[nodiscard]] Curvature measure_curvature(Loss&, std::span<const double> w,
                                          const std::vector<Circuit>&, const CurvatureOptions&);

/// The losses of the chains of each setting, which share their noise. The sequences are those of
/// the loss that the baseline is from.
[[nodiscard]] std::vector<std::vector<Vector>> sample_losses(
    const icl_precise::Sequences&, std::int64_t batches, std::span<const double> w,
    const Circuit& all, std::span<const Langevin>, const Workers&);

}  // namespace icl::curvature
