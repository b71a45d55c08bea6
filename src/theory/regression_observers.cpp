#include "icl/theory/regression_observers.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "icl/core/math.hpp"

namespace icl::theory {
namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

/// What one more pair tells of w ~ N(mean, covariance).
class Belief {
 public:
  Belief(std::size_t dimension, double variance)
      : variance_(variance),
        mean_(dimension),
        covariance_(dimension * dimension),
        direction_(dimension) {
    for (std::size_t d = 0; d < dimension; ++d) covariance_[d * dimension + d] = variance;
  }

  [[nodiscard]] double predict(std::span<const double> x) const { return dot(mean_, x); }

  void see(std::span<const double> x, double y, double noise) {
    const std::size_t n = mean_.size();
    for (std::size_t i = 0; i < n; ++i) {
      direction_[i] = dot(std::span(covariance_).subspan(i * n, n), x);
    }
    const double unknown = dot(direction_, x) + noise;
    // Without noise d pairs say all: what is left then is rounding.
    constexpr double rounding = 1e-12;
    if (unknown <= rounding * variance_ * dot(x, x)) return;
    const double surprise = (y - predict(x)) / unknown;
    for (std::size_t i = 0; i < n; ++i) mean_[i] += surprise * direction_[i];
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        covariance_[i * n + j] -= direction_[i] * direction_[j] / unknown;
      }
    }
  }

 private:
  double variance_;
  std::vector<double> mean_;
  std::vector<double> covariance_;
  std::vector<double> direction_;  ///< covariance x
};

}  // namespace

void ridge(const RegressionSequence& sequence, double variance, std::span<double> predictions) {
  assert(predictions.size() == sequence.y.size() && variance > 0 && sequence.sigma >= 0);
  const std::size_t d = sequence.dimension();
  Belief belief(d, variance);
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const std::span x = sequence.x.subspan(i * d, d);
    predictions[i] = belief.predict(x);
    belief.see(x, sequence.y[i], sequence.sigma * sequence.sigma);
  }
}

void dmmse(const RegressionSequence& sequence, std::span<const double> tasks,
           std::span<double> predictions) {
  assert(predictions.size() == sequence.y.size() && sequence.sigma >= 0);
  const std::size_t d = sequence.dimension();
  if (d == 0) return;
  const std::size_t M = tasks.size() / d;
  assert(M > 0);
  std::vector<double> excess(M);   // the sum of squares so far
  std::vector<double> answers(M);  // w_m . x_i
  const double noise = 2 * sequence.sigma * sequence.sigma;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const std::span x = sequence.x.subspan(i * d, d);
    const double least = std::ranges::min(excess);
    double sum = 0;
    double weights = 0;
    for (std::size_t m = 0; m < M; ++m) {
      answers[m] = dot(tasks.subspan(m * d, d), x);
      const double above = excess[m] - least;
      const double weight = noise > 0 ? math::exp(-above / noise) : above == 0 ? 1 : 0;
      weights += weight;
      sum += weight * answers[m];
    }
    predictions[i] = sum / weights;
    for (std::size_t m = 0; m < M; ++m) {
      const double miss = sequence.y[i] - answers[m];
      excess[m] += miss * miss;
    }
  }
}

}  // namespace icl::theory
