#include "icl/theory/item_observers.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

#include "icl/core/math.hpp"

namespace icl::theory {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

double inner(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += static_cast<double>(a[d]) * b[d];
  return sum;
}

/// 0 for the rows that equal y, minus infinity for the others; false if there is none.
bool keep_equal(std::span<const float> rows, std::span<const float> y, std::span<double> out) {
  bool found = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool equal = std::ranges::equal(rows.subspan(i * y.size(), y.size()), y);
    out[i] = equal ? 0 : never;
    found = found || equal;
  }
  return found;
}

}  // namespace

void normalise_log(std::span<double> log_weights) {
  const double most = std::ranges::max(log_weights);
  assert(most > never);
  double sum = 0;
  for (const double x : log_weights) sum += math::exp(x - most);
  const double all = most + math::log(sum);
  for (double& x : log_weights) x -= all;
}

void memoriser_posterior(std::span<const float> items, std::span<const float> y, double epsilon,
                         std::span<const double> log_prior, std::span<double> log_posterior) {
  assert(items.size() == log_posterior.size() * y.size() && epsilon >= 0);
  assert(log_prior.empty() || log_prior.size() == log_posterior.size());
  if (epsilon == 0) {
    if (!keep_equal(items, y, log_posterior)) std::ranges::fill(log_posterior, 0.0);
  } else {
    const double s = std::sqrt(1 + epsilon * epsilon);
    const double precision = static_cast<double>(y.size()) / (epsilon * epsilon);
    for (std::size_t k = 0; k < log_posterior.size(); ++k) {
      double distance = 0;  // |s y - x_k|^2
      for (std::size_t d = 0; d < y.size(); ++d) {
        const double difference = s * y[d] - items[k * y.size() + d];
        distance += difference * difference;
      }
      log_posterior[k] = -precision * distance / 2;
    }
  }
  for (std::size_t k = 0; k < log_prior.size(); ++k) log_posterior[k] += log_prior[k];
  normalise_log(log_posterior);
}

bool copier_posterior(std::span<const float> context, std::span<const float> y, double epsilon,
                      std::span<double> log_posterior) {
  assert(context.size() == log_posterior.size() * y.size() && epsilon >= 0);
  bool known = true;
  if (epsilon == 0) {
    known = keep_equal(context, y, log_posterior);
    if (!known) std::ranges::fill(log_posterior, 0.0);
  } else {
    const double rho = 1 / (1 + epsilon * epsilon);
    // 1 - rho^2, without a difference of nearly equal numbers.
    const double rest = epsilon * epsilon * rho * (1 + rho);
    const double factor = static_cast<double>(y.size()) / rest;
    const double own = inner(y, y);
    for (std::size_t j = 0; j < log_posterior.size(); ++j) {
      const std::span other = context.subspan(j * y.size(), y.size());
      log_posterior[j] =
          factor * (rho * inner(y, other) - rho * rho * (own + inner(other, other)) / 2);
    }
  }
  normalise_log(log_posterior);
  return known;
}

void label_probabilities(std::span<const double> log_posterior,
                         std::span<const std::int32_t> labels, std::span<double> log_probability) {
  assert(log_posterior.size() == labels.size());
  // First the largest of each label, then the sum relative to it.
  std::ranges::fill(log_probability, never);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double& most = log_probability[static_cast<std::size_t>(labels[i])];
    most = std::max(most, log_posterior[i]);
  }
  std::vector<double> sums(log_probability.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    const double most = log_probability[label];
    if (most != never) sums[label] += math::exp(log_posterior[i] - most);
  }
  for (std::size_t label = 0; label < sums.size(); ++label) {
    if (log_probability[label] != never) log_probability[label] += math::log(sums[label]);
  }
}

}  // namespace icl::theory
