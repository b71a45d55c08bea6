#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "icl/theory/flow.hpp"

namespace icl::theory {

enum class SelfAttention : std::uint8_t { no, yes };

/// A point of the landscape: the loss, its gradient, and the share of sequences answered rightly.
/// All three are over the margins given: with {0} the accuracy is that of ICL on novel items.
struct LandscapePoint {
  double loss = 0;  ///< nats
  double dw = 0;
  double dbeta = 0;
  double accuracy = 0;
};

/// The averaged loss of the minimal model for orthonormal items (derived from Nguyen & Reddy 2024,
/// not expanded in 1/n):
///
///     L(w, beta) = < softplus(-phi+ - w (e^beta + S) / (e^beta + N - 2)) >
///
/// over the memoriser's margins phi+ ~ P+ and S, the sum of the labels of the N - 2 other context
/// tokens relative to the target's: exactly, as a binomial of N - 2 fair coins. With self-attention
/// the denominator is 2 e^beta + N - 2. Immutable; may be used from any thread.
class Landscape {
 public:
  /// `margins` are samples of P+; {0} is a memoriser that knows nothing. Throws Error(usage) for
  /// N outside of 2 to 65536, no margins, or one that is not finite.
  Landscape(std::int64_t N, SelfAttention self, std::span<const double> margins);

  [[nodiscard]] LandscapePoint at(double w, double beta) const;

  /// The time t (learning rate x steps) at which gradient descent from `start`, as a flow
  /// dw/dt = -dL/dw, dbeta/dt = -dL/dbeta, first has this accuracy; nothing if not by `t_end`.
  /// Relative error below 1e-6.
  [[nodiscard]] std::optional<double> time_to_accuracy(FlowState start, double accuracy,
                                                       double t_end) const;

 private:
  double others_;                ///< N - 2
  double self_;                  ///< e^beta's in the denominator: 1, or 2 with self-attention
  std::vector<double> S_;        ///< its values that matter
  std::vector<double> weights_;  ///< and their probabilities
  std::vector<double> margins_;
};

/// After acquisition (e^beta >> N), with L2 coefficient lambda on w, w rests where
/// lambda w = < sigma(-phi+ - w) > over the margins, without self-attention. lambda from 1e-12 to
/// 1e12.
[[nodiscard]] double resting_w(double lambda, std::span<const double> margins);

}  // namespace icl::theory
