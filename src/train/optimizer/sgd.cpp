#include <cmath>

#include "buffered.hpp"

namespace icl::train {
namespace {

/// Euclidean norm of rate (g + lambda w).
double norm_of_descent(const nn::Parameter& p, std::span<const Real> g, double rate, double decay) {
  double squares = 0;
  for (std::size_t k = 0; k < g.size(); ++k) {
    const double step = double{g[k]} + decay * double{p.value.data()[k]};
    squares += step * step;
  }
  return rate * std::sqrt(squares);
}

/// Plain SGD, w <- w - lr (g + lambda w). It makes no pass of its own: the update rides on the
/// backward pass, through each parameter's sink.
class Sgd final : public Optimizer {
 public:
  Sgd(const config::Train& config, std::span<nn::Parameter* const> parameters)
      : config_(config), parameters_(parameters.begin(), parameters.end()) {}

  void prepare(std::span<const double> factors) override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      nn::Parameter& p = *parameters_[i];
      const double rate = config_.learning_rate * factors[i];
      p.sink = {p.value.data(), static_cast<Real>(-rate),
                static_cast<Real>(rate * decay_of(config_, p)), true};
    }
  }

  void finish(const Workers& /*workers*/) override {}

  [[nodiscard]] double update_norm(std::size_t i, std::span<const Real> g,
                                   double factor) const override {
    const nn::Parameter& p = *parameters_[i];
    return norm_of_descent(p, g, config_.learning_rate * factor, decay_of(config_, p));
  }

 private:
  config::Train config_;
  std::vector<nn::Parameter*> parameters_;
};

/// SGD of clipped gradients.
class ClippedSgd final : public Buffered {
 public:
  using Buffered::Buffered;

  [[nodiscard]] double update_norm(std::size_t i, std::span<const Real> g,
                                   double factor) const override {
    const nn::Parameter& p = parameter(i);
    return norm_of_descent(p, g, config().learning_rate * factor, decay_of(config(), p));
  }

 private:
  void update(std::size_t i, std::size_t /*first*/, std::span<const Real> g,
              std::span<Real> w) override {
    const double rate = config().learning_rate * factor(i);
    const auto rate_of_g = static_cast<Real>(rate);
    const auto rate_of_w = static_cast<Real>(rate * decay_of(config(), parameter(i)));
    for (std::size_t k = 0; k < g.size(); ++k) {
      w[k] -= std::fma(rate_of_g, g[k], rate_of_w * w[k]);
    }
  }
};

std::unique_ptr<Optimizer> make_sgd(const config::Train& config,
                                    std::span<nn::Parameter* const> parameters) {
  if (config.clip_norm) return std::make_unique<ClippedSgd>(config, parameters);
  return std::make_unique<Sgd>(config, parameters);
}

}  // namespace

const OptimizerRule optimizer_rules::sgd{make_sgd, {}, {}};

}  // namespace icl::train
