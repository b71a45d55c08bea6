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

/// A rule that needs the whole gradient before it updates anything: the backward pass fills
/// buffers.
class Buffered : public Optimizer {
 public:
  Buffered(const config::Train& config, std::span<nn::Parameter* const> parameters)
      : config_(config), factors_(parameters.size()) {
    slots_.reserve(parameters.size());
    for (nn::Parameter* p : parameters) slots_.push_back({p, Tensor({p->value.size()})});
  }

  void prepare(std::span<const double> factors) override {
    std::ranges::copy(factors, factors_.begin());
    for (Slot& slot : slots_) {
      slot.parameter->sink = {slot.gradient.data(), Real{1}, Real{0}, false};
    }
  }

  void finish(const Workers& workers) override {
    began_update();
    const Real scale = this->scale();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (factors_[i] == 0) continue;
      Slot& slot = slots_[i];
      workers.for_tiles(slot.gradient.size(), tile, [&](Tile entries) {
        const auto time = workers.measure(Phase::update);
        const auto first = static_cast<std::size_t>(entries.first);
        const auto size = static_cast<std::size_t>(entries.count);
        const auto gradient = slot.gradient.values().subspan(first, size);
        if (scale != 1) {
          for (Real& g : gradient) g *= scale;
        }
        update(i, first, gradient, slot.parameter->value.values().subspan(first, size));
      });
    }
  }

 protected:
  [[nodiscard]] const config::Train& config() const { return config_; }
  [[nodiscard]] const nn::Parameter& parameter(std::size_t i) const { return *slots_[i].parameter; }
  [[nodiscard]] double factor(std::size_t i) const { return factors_[i]; }

 private:
  static constexpr std::int64_t tile = 4096;

  struct Slot {
    nn::Parameter* parameter;
    Tensor gradient;
  };

  /// Before the first of a step's calls of update().
  virtual void began_update() {}
  /// Updates entries `first` and on of parameter i. May be called by several threads at once, each
  /// with entries of its own.
  virtual void update(std::size_t i, std::size_t first, std::span<const Real> gradient,
                      std::span<Real> value) = 0;

  /// What clipping multiplies the gradients by.
  [[nodiscard]] Real scale() const {
    if (!config_.clip_norm) return 1;
    double squares = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (factors_[i] != 0) squares += sum_of_squares(slots_[i].gradient.values());
    }
    return clip_factor(config_, squares);
  }

  config::Train config_;
  std::vector<Slot> slots_;
  std::vector<double> factors_;
};

/// SGD of clipped gradients.
class ClippedSgd final : public Buffered {
 public:
  using Buffered::Buffered;

  [[nodiscard]] double update_norm(std::size_t i, std::span<const Real> g,
                                   double factor) const override {
    const double decay = decay_of(config(), parameter(i));
    const auto w = parameter(i).value.values();
    double squares = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      const double step = double{g[k]} + decay * double{w[k]};
      squares += step * step;
    }
    return config().learning_rate * factor * std::sqrt(squares);
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
  Adam(const config::Train& config, std::span<nn::Parameter* const> parameters)
      : Buffered(config, parameters) {
    for (const nn::Parameter* p : parameters) {
      mean_.emplace_back(static_cast<std::size_t>(p->value.size()));
      square_.emplace_back(static_cast<std::size_t>(p->value.size()));
    }
  }

  [[nodiscard]] double update_norm(std::size_t i, std::span<const Real> g,
                                   double factor) const override {
    const Rule rule = this->rule(parameter(i), updates_ + 1, factor);
    const auto w = parameter(i).value.values();
    double squares = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      Real mean = mean_[i][k];
      Real square = square_[i][k];
      const double step = rule.step(g[k], w[k], mean, square);
      squares += step * step;
    }
    return std::sqrt(squares);
  }

  [[nodiscard]] Moments moments() const override { return {updates_, mean_, square_}; }

  void restore(const Moments& moments) override {
    const bool anew = moments.mean.size() != mean_.size();
    updates_ = anew ? 0 : moments.updates;
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      if (anew) {
        std::ranges::fill(mean_[i], Real{0});
        std::ranges::fill(square_[i], Real{0});
      } else {
        mean_[i] = moments.mean[i];
        square_[i] = moments.square[i];
      }
    }
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

  void began_update() override { ++updates_; }

  void update(std::size_t i, std::size_t first, std::span<const Real> g,
              std::span<Real> w) override {
    const Rule rule = this->rule(parameter(i), updates_, factor(i));
    Real* const mean = mean_[i].data() + first;
    Real* const square = square_[i].data() + first;
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

  std::vector<std::vector<Real>> mean_, square_;
  std::int64_t updates_ = 0;
};

using Parameters = std::span<nn::Parameter* const>;

std::unique_ptr<Optimizer> make_sgd(const config::Train& config, Parameters parameters) {
  if (config.clip_norm) return std::make_unique<ClippedSgd>(config, parameters);
  return std::make_unique<Sgd>(config, parameters);
}

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
    Maker{config::Optimizer::sgd, make_sgd},
    Maker{config::Optimizer::adam, make<Adam<Decay::in_gradient>>},
    Maker{config::Optimizer::adamw, make<Adam<Decay::decoupled>>},
};
static_assert(makers.size() == words(config::Optimizer{}).size());

}  // namespace

double sum_of_squares(std::span<const Real> x) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  return squares;
}

Real clip_factor(const config::Train& config, double squares) {
  if (!config.clip_norm) return 1;
  constexpr double torch_epsilon = 1e-6;
  return static_cast<Real>(std::min(1.0, *config.clip_norm / (std::sqrt(squares) + torch_epsilon)));
}

std::unique_ptr<Optimizer> make_optimizer(const config::Train& config, Parameters parameters) {
  return makers.at(static_cast<std::size_t>(config.optimizer)).make(config, parameters);
}

}  // namespace icl::train
