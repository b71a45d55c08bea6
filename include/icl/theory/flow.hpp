#pragma once

#include <functional>
#include <limits>
#include <optional>

/// The gradient flow of the minimal model, to leading order in 1/n (n = N-1 context tokens), for
/// e^beta << n and small w (Nguyen & Reddy 2024):
///
///     dw/dt = (c1/n) (e^beta - c2 w),    dbeta/dt = (c1/n) w e^beta,
///
/// t in units of learning rate x steps. It blows up at a finite time: ICL is acquired. All
/// functions are pure and may be called from any thread.
namespace icl::theory {

struct FlowState {
  double w = 0;
  double beta = 0;
};

/// Where a blow-up is taken to be: from here on beta grows without bound within e^-beta_end / w.
inline constexpr double no_cut = std::numeric_limits<double>::infinity();

/// Where the flow can be followed: below least_beta0 it is stiff (with y = e^-beta0 its steps grow
/// as y^2), and tau* has a closed form that is not implemented here.
inline constexpr double least_beta0 = -8;
inline constexpr double largest_beta0 = 10;
inline constexpr double largest_w = 10;

/// tau*: the time tau = I_K/n = (1/n) integral of c1 dt at which the flow with constant c2 blows up
/// (or passes beta_end). For w = 0 and c2 = 0 it is sqrt(pi/2) e^-beta. Relative error below 1e-8
/// for beta0 up to 3 (tested), absolute error below 1e-11 beyond.
///
/// With ds = e^beta dtau it is regular: dw/ds = 1 - c2 w e^-beta, dbeta/ds = w, dtau/ds = e^-beta.
/// Throws Error(usage) outside of the bounds above, for c2 outside of 0 to 1, or if not
/// beta < beta_end.
[[nodiscard]] double blow_up_time(FlowState start, double c2, double beta_end = no_cut);

/// What training has shown: c1 and c2 at time t (learning rate x steps).
struct Memorisation {
  double c1;
  double c2;
};

/// The time t at which the flow with measured c1(t), c2(t) blows up; nothing if it has not by
/// `t_end`. `at` is called with times from 0 to t_end, in order of integration but for trial steps;
/// it must be continuous (interpolate what was recorded), with 0 < c1 <= 1 and 0 <= c2 <= 1.
[[nodiscard]] std::optional<double> acquisition_time(
    FlowState start, double n, const std::function<Memorisation(double t)>& at, double t_end);

/// Optimiser steps until acquisition at K = infinity, where c1 = c2 = 1/2 for ever in the theory:
/// 2 n tau* / learning rate, with tau* taken at c2 = 1/2. It supposes e^beta0 << n.
[[nodiscard]] double acquisition_steps(double n, double tau_star, double learning_rate);

/// The task diversity K* = (n tau*/A)^(1/nu) above which ICL is acquired, if the integrated
/// memorisation signal is I_K(infinity) = A K^nu.
[[nodiscard]] double threshold_diversity(double n, double tau_star, double A, double nu);

}  // namespace icl::theory
