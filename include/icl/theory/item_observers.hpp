#pragma once

#include <cstdint>
#include <span>

/// \file
/// What an ideal observer knows of an item that it sees with noise, as data.noise has it: of an
/// item x in R^D it sees y = (x + epsilon xi) / sqrt(1 + epsilon^2), xi ~ N(0, I/D). Pure
/// functions; may be used from any thread. At epsilon = 0 an item is known where all of its D
/// numbers are equal. (Derived; the two ways to answer are those of Nguyen & Reddy 2024.)

namespace icl::theory {

/// The memoriser, who knows K items [K, D] by heart and nothing of the context:
///
///     ln p(k | y) = ln p_k - |y - x_k / s|^2 D s^2 / (2 epsilon^2) + const,   s^2 = 1 + epsilon^2
///
/// to log_posterior [K]. `log_prior` [K] are the ln p_k, up to a constant; empty: all are equal. At
/// epsilon = 0 the posterior is the prior among the items that equal y, and the prior itself where
/// none does. K >= 1; epsilon >= 0.
void memoriser_posterior(std::span<const float> items, std::span<const float> y, double epsilon,
                         std::span<const double> log_prior, std::span<double> log_posterior);

/// The copier, who knows nothing but that one of the n tokens of the context [n, D], any of them
/// equally likely, shows the target's item, where items are x ~ N(0, I/D):
///
///     ln p(j | y) = D (rho y . y_j - rho^2 (|y|^2 + |y_j|^2) / 2) / (1 - rho^2) + const,
///     rho = 1 / (1 + epsilon^2)
///
/// the ratio of the densities of the pair (y, y_j) with a common item and without, to log_posterior
/// [n]. At epsilon = 0 all that equal y are equally likely; where none does, false is returned and
/// all are. n >= 1; epsilon >= 0.
bool copier_posterior(std::span<const float> context, std::span<const float> y, double epsilon,
                      std::span<double> log_posterior);

/// ln p(label) = ln sum of the posterior of those that have it, to log_probability [L]; minus
/// infinity of a label that none has. `labels` are from 0 to L - 1, one for each of log_posterior.
void label_probabilities(std::span<const double> log_posterior,
                         std::span<const std::int32_t> labels, std::span<double> log_probability);

/// x_i -= ln sum_j e^x_j, so that the sum of e^x is 1; at least one is above minus infinity.
void normalise_log(std::span<double> log_weights);

}  // namespace icl::theory
