#include "icl/train/optimizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace icl::train {
namespace {

double decay_of(const config::Train& config, const nn::Parameter& p) {
  return p.group == nn::Group::attention ? config.weight_decay_attention : config.weight_decay_mlp;
}

/// base^exponent by products: libm's pow has other bits on other CPUs (see core/math.hpp).
double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 != 0) result *= base;
  }
  return result;
}

/// Plain SGD, w <- w - lr (g + lambda w). It makes no pass of its own: the update rides on the
/// backward pass, through each parameter's sink.
class Sgd final : public Optimizer {
 public:
  Sgd(config::Train config, std::span<nn::Parameter* const> parameters)
      : config_(std::move(config)), parameters_(parameters.begin(), parameters.end()) {}

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
    const double decay = decay_of(config_, p);
    double squares = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      const double step = double{g[k]} + decay * double{p.value.data()[k]};
      squares += step * step;
    }
    return config_.learning_rate * factor * std::sqrt(squares);
  }

 private:
  config::Train config_;
  std::vector<nn::Parameter*> parameters_;
};

/// Adam (Kingma & Ba 2015) as torch.optim.Adam, L2 in the gradient:
///     g <- g + lambda w,  m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
///     w <- w - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon),  t = 1, 2, ...
/// A frozen parameter keeps its moments too.
class Adam final : public Optimizer {
 public:
  Adam(config::Train config, std::span<nn::Parameter* const> parameters)
      : config_(std::move(config)), factors_(parameters.size()) {
    for (nn::Parameter* p : parameters) {
      const auto size = static_cast<std::size_t>(p->value.size());
      slots_.push_back(
          {p, Tensor({p->value.size()}), std::vector<Real>(size), std::vector<Real>(size)});
    }
  }

  void prepare(std::span<const double> factors) override {
    std::ranges::copy(factors, factors_.begin());
    for (Slot& slot : slots_) {
      slot.parameter->sink = {slot.gradient.data(), Real{1}, Real{0}, false};
    }
  }

  void finish(const Workers& workers) override {
    ++updates_;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (factors_[i] == 0) continue;
      Slot& slot = slots_[i];
      const std::int64_t size = slot.gradient.size();
      workers.for_tiles(size, tile, [&](Tile entries) {
        const auto time = workers.measure(Phase::update);
        const Rule rule = this->rule(*slot.parameter, updates_, factors_[i]);
        for (std::int64_t k = entries.first; k < entries.end(); ++k) {
          const auto at = static_cast<std::size_t>(k);
          Real& w = slot.parameter->value[k];
          w -= rule.step(slot.gradient[k], w, slot.mean[at], slot.square[at]);
        }
      });
    }
  }

  [[nodiscard]] double update_norm(std::size_t i, std::span<const Real> g,
                                   double factor) const override {
    const Slot& slot = slots_[i];
    const Rule rule = this->rule(*slot.parameter, updates_ + 1, factor);
    double squares = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      Real mean = slot.mean[k];
      Real square = slot.square[k];
      const double step = rule.step(g[k], slot.parameter->value.data()[k], mean, square);
      squares += step * step;
    }
    return std::sqrt(squares);
  }

  [[nodiscard]] Moments moments() const override {
    Moments all{updates_, {}, {}};
    for (const Slot& slot : slots_) {
      all.mean.push_back(slot.mean);
      all.square.push_back(slot.square);
    }
    return all;
  }

  void restore(const Moments& moments) override {
    const bool anew = moments.mean.size() != slots_.size();
    updates_ = anew ? 0 : moments.updates;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (anew) {
        std::ranges::fill(slots_[i].mean, Real{0});
        std::ranges::fill(slots_[i].square, Real{0});
      } else {
        slots_[i].mean = moments.mean[i];
        slots_[i].square = moments.square[i];
      }
    }
  }

 private:
  static constexpr std::int64_t tile = 4096;

  struct Slot {
    nn::Parameter* parameter;
    Tensor gradient;
    std::vector<Real> mean, square;
  };

  struct Rule {
    Real decay, beta1, beta2, rate, root, epsilon;
    Real rest1, rest2;  ///< 1 - beta, rounded once: 1 - Real(0.999) is off by 1e-5

    /// What is taken off w; updates the moments.
    Real step(Real g, Real w, Real& mean, Real& square) const {
      const Real slope = std::fma(decay, w, g);
      mean = std::fma(beta1, mean, rest1 * slope);
      square = std::fma(beta2, square, rest2 * slope * slope);
      return rate * mean / (std::sqrt(square) * root + epsilon);
    }
  };

  [[nodiscard]] Rule rule(const nn::Parameter& p, std::int64_t update, double factor) const {
    const double rate = config_.learning_rate * factor / (1 - power(config_.adam_beta1, update));
    const double root = 1 / std::sqrt(1 - power(config_.adam_beta2, update));
    return {static_cast<Real>(decay_of(config_, p)),
            static_cast<Real>(config_.adam_beta1),
            static_cast<Real>(config_.adam_beta2),
            static_cast<Real>(rate),
            static_cast<Real>(root),
            static_cast<Real>(config_.adam_epsilon),
            static_cast<Real>(1 - config_.adam_beta1),
            static_cast<Real>(1 - config_.adam_beta2)};
  }

  config::Train config_;
  std::vector<Slot> slots_;
  std::vector<double> factors_;
  std::int64_t updates_ = 0;
};

using Parameters = std::span<nn::Parameter* const>;

template <class Rule>
std::unique_ptr<Optimizer> make(const config::Train& config, Parameters parameters) {
  return std::make_unique<Rule>(config, parameters);
}

struct Maker {
  config::Optimizer optimizer;
  std::unique_ptr<Optimizer> (*make)(const config::Train&, Parameters);
};
/// A row for each config::Optimizer, in its order.
constexpr std::array makers{
    Maker{config::Optimizer::sgd, make<Sgd>},
    Maker{config::Optimizer::adam, make<Adam>},
};
static_assert(makers.size() == words(config::Optimizer{}).size());

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const config::Train& config, Parameters parameters) {
  return makers.at(static_cast<std::size_t>(config.optimizer)).make(config, parameters);
}

}  // namespace icl::train
