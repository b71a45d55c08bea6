#include "icl/theory/landscape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/tools/roots.hpp>
#include <boost/numeric/odeint.hpp>
#include <cmath>

#include "icl/core/error.hpp"

namespace icl::theory {
namespace {

namespace odeint = boost::numeric::odeint;

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

void require_margins(std::span<const double> margins) {
  const bool finite = std::ranges::all_of(margins, [](double m) { return std::isfinite(m); });
  if (margins.empty() || !finite) {
    throw Error(ExitCode::usage,
                "the margins of the memoriser: expected finite numbers, at least one");
  }
}

}  // namespace

Landscape::Landscape(std::int64_t N, SelfAttention self, std::span<const double> margins)
    : others_(static_cast<double>(N) - 2),
      self_(self == SelfAttention::yes ? 2 : 1),
      margins_(margins.begin(), margins.end()) {
  constexpr std::int64_t largest_N = 65536;
  if (N < 2 || N > largest_N) {
    throw Error(ExitCode::usage, fmt::format("N = {}: must be from 2 to {}", N, largest_N));
  }
  require_margins(margins);
  const boost::math::binomial_distribution<double> coins(others_, 0.5);
  // Ten standard deviations to each side; the rest is nothing.
  const double reach = 5 * std::sqrt(others_) + 20;
  const double first = std::max(0.0, std::floor(others_ / 2 - reach));
  const double last = std::min(others_, std::ceil(others_ / 2 + reach));
  double sum = 0;
  for (double heads = first; heads <= last; ++heads) {
    S_.push_back(2 * heads - others_);
    weights_.push_back(boost::math::pdf(coins, heads));
    sum += weights_.back();
  }
  for (double& weight : weights_) weight /= sum;
}

LandscapePoint Landscape::at(double w, double beta) const {
  // a = (e + S)/(self e + M),  da/dbeta = e (M - self S)/(self e + M)^2, with e = e^beta, M = N -
  // 2; for beta > 0 divided by e, so that nothing overflows.
  const bool large = beta > 0;
  const double e = large ? 1 : std::exp(beta);
  const double x = large ? std::exp(-beta) : 1;
  const double denominator = self_ * e + others_ * x;
  LandscapePoint point;
  for (std::size_t i = 0; i < S_.size(); ++i) {
    const double a = others_ == 0 ? 1 / self_ : (e + S_[i] * x) / denominator;
    const double slope =
        others_ == 0 ? 0 : e * x * (others_ - self_ * S_[i]) / (denominator * denominator);
    double loss = 0;
    double wrong = 0;  // < sigma(-margin) >
    double right = 0;
    for (const double phi : margins_) {
      const double margin = phi + w * a;
      loss += softplus(-margin);
      wrong += sigmoid(-margin);
      right += margin > 0 ? 1 : 0;
    }
    const double weight = weights_[i] / static_cast<double>(margins_.size());
    point.loss += weight * loss;
    point.dw -= weight * wrong * a;
    point.dbeta -= weight * wrong * w * slope;
    point.accuracy += weight * right;
  }
  return point;
}

std::optional<double> Landscape::time_to_accuracy(FlowState start, double accuracy,
                                                  double t_end) const {
  using State = std::array<double, 2>;
  if (!std::isfinite(start.w) || !std::isfinite(start.beta) || !std::isfinite(t_end) ||
      !(accuracy > 0 && accuracy < 1)) {
    throw Error(
        ExitCode::usage,
        fmt::format("w = {}, beta = {}, accuracy = {}, t_end = {}: expected finite numbers and an "
                    "accuracy between 0 and 1",
                    start.w, start.beta, accuracy, t_end));
  }
  const auto system = [this](const State& x, State& dx, double) {
    const LandscapePoint point = at(x[0], x[1]);
    dx = {-point.dw, -point.dbeta};
  };
  constexpr double absolute_error = 1e-10;
  constexpr double relative_error = 1e-9;
  auto stepper = odeint::make_dense_output(absolute_error, relative_error,
                                           odeint::runge_kutta_dopri5<State>());
  constexpr double first_step = 1e-3;
  stepper.initialize(State{start.w, start.beta}, 0.0, first_step);
  const auto reached = [&](const State& x) { return at(x[0], x[1]).accuracy >= accuracy; };
  if (reached({start.w, start.beta})) return 0.0;
  while (stepper.current_time() < t_end) {
    const auto [before, after] = stepper.do_step(system);
    const State& now = stepper.current_state();
    if (!std::isfinite(now[0]) || !std::isfinite(now[1])) {
      throw Error(ExitCode::usage, "the flow left the range of a double");
    }
    if (!reached(now)) continue;
    // Accuracy is a step function of the state: halve the step that crossed it.
    double low = before;
    double high = after;
    constexpr int halvings = 60;
    for (int i = 0; i < halvings; ++i) {
      const double middle = (low + high) / 2;
      State x{};
      stepper.calc_state(middle, x);
      (reached(x) ? high : low) = middle;
    }
    return high <= t_end ? std::optional(high) : std::nullopt;
  }
  return std::nullopt;
}

double resting_w(double lambda, std::span<const double> margins) {
  require_margins(margins);
  if (!(lambda >= 1e-12 && lambda <= 1e12)) {
    throw Error(ExitCode::usage, fmt::format("lambda = {}: must be from 1e-12 to 1e12", lambda));
  }
  const auto excess = [&](double w) {
    double pull = 0;
    for (const double phi : margins) pull += sigmoid(-phi - w);
    return lambda * w - pull / static_cast<double>(margins.size());
  };
  // At 0 the pull is positive, at 1/lambda and beyond it is at most 1.
  std::uintmax_t iterations = 200;
  constexpr int digits = 50;
  const auto [low, high] = boost::math::tools::toms748_solve(
      excess, 0.0, 1 / lambda, boost::math::tools::eps_tolerance<double>(digits), iterations);
  return (low + high) / 2;
}

}  // namespace icl::theory
