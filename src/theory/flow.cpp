#include "icl/theory/flow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/tools/roots.hpp>
#include <boost/numeric/odeint.hpp>
#include <cmath>
#include <cstdint>

#include "icl/core/error.hpp"

namespace icl::theory {
namespace {

namespace odeint = boost::numeric::odeint;

/// w, beta, and the time that s has taken (tau, or t).
using State = std::array<double, 3>;
constexpr double absolute_error = 1e-13;
constexpr double relative_error = 1e-12;
/// Beyond it e^-beta is lost beside any time that matters.
constexpr double largest_beta = 60;
constexpr double first_step = 1e-3;

void require_domain(const FlowState& start) {
  if (!(std::abs(start.w) <= largest_w) || !(start.beta >= least_beta0) ||
      !(start.beta <= largest_beta0)) {
    throw Error(ExitCode::usage,
                fmt::format("w = {}, beta = {}: expected |w| <= {} and beta from {} to {}", start.w,
                            start.beta, largest_w, least_beta0, largest_beta0));
  }
}

/// Integrates in s until beta reaches `end` or the third component reaches `longest`; that time, or
/// nothing if `longest` came first.
template <class System>
std::optional<double> time_of_beta(const System& system, State state, double end, double longest) {
  auto stepper = odeint::make_dense_output(absolute_error, relative_error,
                                           odeint::runge_kutta_dopri5<State>());
  stepper.initialize(state, 0.0, first_step);
  for (;;) {
    const auto [before, after] = stepper.do_step(system);
    const State& now = stepper.current_state();
    if (now[1] < end && now[2] < longest) continue;
    if (now[1] < end) return std::nullopt;
    const auto beyond = [&](double s) {
      State at{};
      stepper.calc_state(s, at);
      return at[1] - end;
    };
    std::uintmax_t iterations = 200;
    constexpr int digits = 50;
    const auto [low, high] = boost::math::tools::toms748_solve(
        beyond, before, after, boost::math::tools::eps_tolerance<double>(digits), iterations);
    State at{};
    stepper.calc_state((low + high) / 2, at);
    return at[2] <= longest ? std::optional(at[2]) : std::nullopt;
  }
}

}  // namespace

double blow_up_time(FlowState start, double c2, double beta_end) {
  require_domain(start);
  if (!(c2 >= 0 && c2 <= 1)) {
    throw Error(ExitCode::usage, fmt::format("c2 = {}: must be from 0 to 1", c2));
  }
  if (!(start.beta < beta_end)) {
    throw Error(ExitCode::usage,
                fmt::format("beta = {}: must be less than {}", start.beta, beta_end));
  }
  const auto system = [c2](const State& x, State& dx, double) {
    dx[0] = 1 - c2 * x[0] * std::exp(-x[1]);
    dx[1] = x[0];
    dx[2] = std::exp(-x[1]);
  };
  const double end = std::min(beta_end, std::max(start.beta, 0.0) + largest_beta);
  return time_of_beta(system, {start.w, start.beta, 0.0}, end, no_cut).value();
}

std::optional<double> acquisition_time(FlowState start, double n,
                                       const std::function<Memorisation(double t)>& at,
                                       double t_end) {
  require_domain(start);
  if (!(n > 0) || !(t_end >= 0) || !std::isfinite(n) || !std::isfinite(t_end)) {
    throw Error(ExitCode::usage,
                fmt::format("n = {}, t_end = {}: must be positive and finite", n, t_end));
  }
  // As above with dt = (n/c1) e^-beta ds.
  const auto system = [&](const State& x, State& dx, double) {
    const Memorisation m = at(std::clamp(x[2], 0.0, t_end));
    if (!(m.c1 > 0 && m.c1 <= 1) || !(m.c2 >= 0 && m.c2 <= 1)) {
      throw Error(ExitCode::usage, fmt::format("c1 = {}, c2 = {} at t = {}: expected 0 < c1 <= 1, "
                                               "0 <= c2 <= 1",
                                               m.c1, m.c2, x[2]));
    }
    dx[0] = 1 - m.c2 * x[0] * std::exp(-x[1]);
    dx[1] = x[0];
    dx[2] = n / m.c1 * std::exp(-x[1]);
  };
  constexpr double far = 40;  // e^-40 n/c1 steps more are none
  const double end = std::max(start.beta, 0.0) + far;
  return time_of_beta(system, {start.w, start.beta, 0.0}, end, t_end);
}

double acquisition_steps(double n, double tau_star, double learning_rate) {
  return 2 * n * tau_star / learning_rate;
}

double threshold_diversity(double n, double tau_star, double A, double nu) {
  return std::pow(n * tau_star / A, 1 / nu);
}

}  // namespace icl::theory
