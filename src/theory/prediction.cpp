#include "icl/theory/prediction.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace icl::theory {
namespace {

bool in_domain(FlowState start) {
  return start.beta >= least_beta0 && start.beta <= largest_beta0 &&
         std::abs(start.w) <= largest_w;  // false for NaN
}

bool all_finite(std::span<const double> x) {
  return std::ranges::all_of(x, [](double v) { return std::isfinite(v); });
}

/// Linear between the points of a run, constant beyond them.
class Series {
 public:
  explicit Series(const Measured& measured) : measured_(measured) {}

  [[nodiscard]] Memorisation at(double step) const {
    // The flow needs c1 > 0 and c2 from 0 to 1; a memoriser that knows all has c1 = 0 in doubles.
    constexpr double least_c1 = 1e-300;
    const auto& steps = measured_.steps;
    const auto behind = std::ranges::upper_bound(steps, step);
    const auto right = std::min<std::ptrdiff_t>(behind - steps.begin(),
                                                static_cast<std::ptrdiff_t>(steps.size()) - 1);
    const auto left = std::max<std::ptrdiff_t>(right - 1, 0);
    const auto i = static_cast<std::size_t>(left);
    const auto j = static_cast<std::size_t>(right);
    const double width = steps[j] - steps[i];
    const double share = width > 0 ? std::clamp((step - steps[i]) / width, 0.0, 1.0) : 0.0;
    const auto mix = [&](std::span<const double> x) { return (1 - share) * x[i] + share * x[j]; };
    return {std::max(mix(measured_.c1), least_c1), std::clamp(mix(measured_.c2), 0.0, 1.0)};
  }

 private:
  const Measured& measured_;
};

}  // namespace

std::optional<Prediction> predict(FlowState start, double n, double learning_rate,
                                  const Measured& measured) {
  if (!in_domain(start) || measured.steps.empty() || !all_finite(measured.c1) ||
      !all_finite(measured.c2)) {
    return std::nullopt;
  }
  constexpr double untrained_c2 = 0.5;
  Prediction prediction;
  prediction.tau_star = blow_up_time(start, untrained_c2);
  prediction.initial_steps = acquisition_steps(n, prediction.tau_star, learning_rate);
  const double last = measured.steps.back();
  if (!(last > 0)) return prediction;
  const Series series(measured);
  const auto t = acquisition_time(
      start, n, [&](double time) { return series.at(time / learning_rate); }, last * learning_rate);
  if (t) prediction.measured_steps = *t / learning_rate;
  return prediction;
}

}  // namespace icl::theory
