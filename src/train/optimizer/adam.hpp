#pragma once

#include <array>
#include <cmath>
#include <memory>

#include "buffered.hpp"

namespace icl::train {

/// base^exponent by products: libm's pow has other bits on other CPUs (see core/math.hpp).
inline double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 != 0) result *= base;
  }
  return result;
}

enum class Decay : std::uint8_t {
  in_gradient,  ///< Adam: g <- g + lambda w
  decoupled,    ///< AdamW (Loshchilov & Hutter 2019): w <- w - lr lambda w
};

/// Adam (Kingma & Ba 2015) as torch.optim.Adam, L2 in the gradient:
///     g <- g + lambda w,  m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
///     w <- w - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon),  t = 1, 2, ...
/// or as torch.optim.AdamW: the first line without lambda, and w <- w - lr lambda w in the last.
/// A frozen parameter keeps its moments too.
template <Decay way>
class Adam final : public Buffered {
 public:
  static constexpr std::array<std::string_view, 2> names{"adam_mean", "adam_square"};  ///< m, v

  Adam(const config::Train& config, std::span<nn::Parameter* const> parameters)
      : Buffered(config, parameters, names) {}

  [[nodiscard]] double update_norm(std::size_t i, std::span<const Real> g,
                                   double factor) const override {
    const Rule rule = this->rule(parameter(i), updates() + 1, factor);
    const auto w = parameter(i).value.values();
    double squares = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      Real mean = moment(0, i)[k];
      Real square = moment(1, i)[k];
      const double step = rule.step(g[k], w[k], mean, square);
      squares += step * step;
    }
    return std::sqrt(squares);
  }

 private:
  static constexpr bool in_gradient = way == Decay::in_gradient;

  struct Rule {
    Real lambda, beta1, beta2, rate, root, epsilon;
    Real rest1, rest2;  ///< 1 - beta, rounded once: 1 - Real(0.999) is off by 1e-5

    /// What is taken off w; updates the moments.
    Real step(Real g, Real w, Real& mean, Real& square) const {
      const Real slope = in_gradient ? std::fma(lambda, w, g) : g;
      mean = std::fma(beta1, mean, rest1 * slope);
      square = std::fma(beta2, square, rest2 * slope * slope);
      const Real step = rate * mean / (std::sqrt(square) * root + epsilon);
      return in_gradient ? step : std::fma(lambda, w, step);
    }
  };

  void update(std::size_t i, std::size_t first, std::span<const Real> g,
              std::span<Real> w) override {
    const Rule rule = this->rule(parameter(i), updates(), factor(i));
    Real* const mean = moment(0, i).data() + first;
    Real* const square = moment(1, i).data() + first;
    for (std::size_t k = 0; k < g.size(); ++k) w[k] -= rule.step(g[k], w[k], mean[k], square[k]);
  }

  [[nodiscard]] Rule rule(const nn::Parameter& p, std::int64_t update, double factor) const {
    const config::Train& c = config();
    const double rate = c.learning_rate * factor / (1 - power(c.adam_beta1, update));
    const double root = 1 / std::sqrt(1 - power(c.adam_beta2, update));
    const double lambda = decay_of(c, p);
    return {static_cast<Real>(in_gradient ? lambda : c.learning_rate * factor * lambda),
            static_cast<Real>(c.adam_beta1),
            static_cast<Real>(c.adam_beta2),
            static_cast<Real>(rate),
            static_cast<Real>(root),
            static_cast<Real>(c.adam_epsilon),
            static_cast<Real>(1 - c.adam_beta1),
            static_cast<Real>(1 - c.adam_beta2)};
  }
};

template <Decay way>
constexpr OptimizerRule adam_rule{
    [](const config::Train& config, std::span<nn::Parameter* const> parameters)
        -> std::unique_ptr<Optimizer> { return std::make_unique<Adam<way>>(config, parameters); },
    Adam<way>::names, "Adam"};

}  // namespace icl::train
