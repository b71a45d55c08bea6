#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

/// Tail probabilities for statistical tests. All draws are pure functions of their seeds, so such a
/// test passes or fails once and for all; `rare` is the chance that a correct program would have
/// been given a seed with which it fails.
namespace icl::test {

inline constexpr double rare = 1e-6;

/// P(|Z| > |z|) for a standard normal Z.
inline double normal_p(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

/// P(chi^2_f > x): the regularised upper incomplete gamma function Q(f/2, x/2), by its series below
/// x = f + 2 and by Lentz's continued fraction above.
inline double chi_square_p(double x, double f) {
  const double a = f / 2;
  const double y = x / 2;
  if (y <= 0) return 1;
  const double front = std::exp(a * std::log(y) - y - std::lgamma(a));
  if (y < a + 1) {
    double term = 1 / a;
    double total = term;
    for (double n = a + 1; term > total * 1e-16; ++n) {
      term *= y / n;
      total += term;
    }
    return 1 - front * total;
  }
  double b = y + 1 - a;
  double c = 1e300;
  double d = 1 / b;
  double h = d;
  for (int i = 1; i < 100000; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return front * h;
}

/// Chance that counts at least as far from `expected` arise; sum of `expected` = sum of `counts`.
inline double fit_p(std::span<const double> counts, std::span<const double> expected) {
  double x = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    x += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  return chi_square_p(x, static_cast<double>(counts.size()) - 1);
}

/// Joins cells of which few are expected to their neighbours.
inline void join_rare_cells(std::vector<double>& counts, std::vector<double>& expected) {
  for (std::size_t c = expected.size() - 1; c > 0; --c) {
    if (expected[c] >= 10) continue;
    expected[c - 1] += expected[c];
    counts[c - 1] += counts[c];
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(c));
    counts.erase(counts.begin() + static_cast<std::ptrdiff_t>(c));
  }
  while (expected.size() > 1 && expected[0] < 10) {
    expected[1] += expected[0];
    counts[1] += counts[0];
    expected.erase(expected.begin());
    counts.erase(counts.begin());
  }
}

/// fit_p when all cells are equally likely.
inline double uniform_p(std::span<const double> counts) {
  double total = 0;
  for (const double count : counts) total += count;
  const std::vector<double> expected(counts.size(), total / static_cast<double>(counts.size()));
  return fit_p(counts, expected);
}

/// P that `hits` of `trials`, each with probability p, are at least so far from trials p (normal
/// law).
inline double binomial_p(double hits, double trials, double p) {
  return normal_p((hits - trials * p) / std::sqrt(trials * p * (1 - p)));
}

/// P(Binomial(n, p) = c).
inline double binomial(int n, double p, int c) {
  if (c < 0 || c > n) return 0;
  double value = 1;
  for (int i = 0; i < c; ++i) value *= p * (n - i) / (i + 1);
  return value * std::pow(1 - p, n - c);
}

}  // namespace icl::test
