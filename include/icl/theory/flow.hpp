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

/// tau*: the time tau = I_K/n = (1/n) integral of c1 dt at which the flow with constant c2 blows up
/// (or passes beta_end). For w = 0 and c2 = 0 it is sqrt(pi/2) e^-beta. Relative error below 1e-9.
///
/// With ds = e^beta dtau it is regular: dw/ds = 1 - c2 w e^-beta, dbeta/ds = w, dtau/ds = e^-beta.
/// Throws Error(usage) unless w, beta and c2 >= 0 are finite and beta < beta_end.
[[nodiscard]] double blow_up_time(FlowState start, double c2, double beta_end = no_cut);

/// What training has shown: c1 and c2 at time t (learning rate x steps).
struct Memorisation {
  double c1;
  double c2;
};

/// The time t at which the flow with measured c1(t), c2(t) blows up; nothing if it has not by
/// `t_end`. `at` is called with times from 0 to t_end, in order of integration but for trial steps.
[[nodiscard]] std::optional<double> acquisition_time(
    FlowState start, double n, const std::function<Memorisation(double t)>& at, double t_end);

/// Optimiser steps until acquisition at K = infinity, where c1 = c2 = 1/2 for ever in the theory;
/// c2 is dropped as in 2 n tau*(beta0; c2) / learning rate.
[[nodiscard]] double acquisition_steps(double n, double tau_star, double learning_rate);

/// The task diversity K* = (n tau*/A)^(1/nu) above which ICL is acquired, if the integrated
/// memorisation signal is I_K(infinity) = A K^nu.
[[nodiscard]] double threshold_diversity(double n, double tau_star, double A, double nu);

}  // namespace icl::theory
