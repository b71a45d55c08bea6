#pragma once

#include <cstdint>
#include <span>

/// \file
/// Ideal observers of linear regression in context (Raventos et al. 2023, arXiv 2306.15063, section
/// 2): y_i = w . x_i + sigma xi_i, xi_i ~ N(0, 1), one w for a sequence of n pairs. Each prediction
/// is E[y_i | x_i and the pairs before], of a prior over w. Pure functions; may be used from any
/// thread.

namespace icl::theory {

/// A sequence: its pairs, and how loud the noise of y is.
struct RegressionSequence {
  std::span<const double> x;  ///< [n, d]
  std::span<const double> y;  ///< [n]
  double sigma = 0;           ///< >= 0

  [[nodiscard]] std::size_t dimension() const { return y.empty() ? 0 : x.size() / y.size(); }
};

/// Ridge regression, which is ideal where w ~ N(0, v I), v = `variance` > 0:
///
///     y^_i = x_i . (X^T X + (sigma^2 / v) I)^-1 X^T y     (X, y: the pairs before i)
///
/// to predictions [n], pair by pair (Kalman's form, so that nothing is inverted; at sigma = 0 it is
/// the least solution of X w = y). O(n d^2).
void ridge(const RegressionSequence&, double variance, std::span<double> predictions);

/// The discrete minimum-mean-square estimator, which is ideal where w is one of the M tasks [M, d],
/// each as likely as the others:
///
///     y^_i = x_i . sum_m w_m p_m,   p_m ~ exp(-sum over the pairs before of (y - w_m . x)^2 / (2
///     sigma^2))
///
/// to predictions [n]. At sigma = 0 the p_m are equal among the tasks with the least sum, and 0 for
/// the others. O(n M d).
void dmmse(const RegressionSequence&, std::span<const double> tasks, std::span<double> predictions);

}  // namespace icl::theory
