#include "icl/theory/regression_observers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "support/random.hpp"

namespace icl::theory {
namespace {

constexpr double tolerance = 1e-6;

struct Drawn {
  std::vector<double> x, y, tasks;
};

/// n pairs of the first of M tasks in d dimensions.
Drawn draw(std::size_t n, std::size_t d, std::size_t M, double sigma, std::uint64_t seed) {
  Drawn drawn{std::vector<double>(n * d), std::vector<double>(n), std::vector<double>(M * d)};
  test::fill_normal(std::span(drawn.x), 3 * seed);
  test::fill_normal(std::span(drawn.tasks), 3 * seed + 1);
  test::fill_normal(std::span(drawn.y), 3 * seed + 2, sigma);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < d; ++k) drawn.y[i] += drawn.tasks[k] * drawn.x[i * d + k];
  }
  return drawn;
}

/// E[w . x_i | pairs before] for a prior density over w in two dimensions, by a sum over a grid.
template <class Prior>
double by_grid(const Drawn& drawn, std::size_t i, double sigma, const Prior& prior) {
  constexpr double reach = 9;
  constexpr double width = 0.02;
  double sum = 0;
  double weights = 0;
  for (double a = -reach; a < reach; a += width) {
    for (double b = -reach; b < reach; b += width) {
      double weight = prior(a, b);
      for (std::size_t j = 0; j < i; ++j) {
        const double miss = drawn.y[j] - a * drawn.x[2 * j] - b * drawn.x[2 * j + 1];
        weight *= std::exp(-miss * miss / (2 * sigma * sigma));
      }
      weights += weight;
      sum += weight * (a * drawn.x[2 * i] + b * drawn.x[2 * i + 1]);
    }
  }
  return sum / weights;
}

TEST(Ridge, IsTheMeanOverAllTasksByAGrid) {
  constexpr double sigma = 0.5;
  constexpr double variance = 1.7;
  const Drawn drawn = draw(5, 2, 1, sigma, 1);
  std::vector<double> found(5);
  ridge({drawn.x, drawn.y, sigma}, variance, found);
  for (std::size_t i = 0; i < 5; ++i) {
    const double expected = by_grid(drawn, i, sigma, [](double a, double b) {
      return std::exp(-(a * a + b * b) / (2 * variance));
    });
    EXPECT_NEAR(found[i], expected, tolerance) << i;
  }
}

/// x . (X^T X + lambda I)^-1 X^T y of the first `i` pairs, by elimination with pivots.
double normal_equations(const Drawn& drawn, std::size_t d, std::size_t i, double lambda) {
  std::vector<double> a(d * (d + 1));
  for (std::size_t r = 0; r < d; ++r) {
    a[r * (d + 1) + r] = lambda;
    for (std::size_t j = 0; j < i; ++j) {
      for (std::size_t c = 0; c < d; ++c) {
        a[r * (d + 1) + c] += drawn.x[j * d + r] * drawn.x[j * d + c];
      }
      a[r * (d + 1) + d] += drawn.x[j * d + r] * drawn.y[j];
    }
  }
  for (std::size_t p = 0; p < d; ++p) {
    for (std::size_t r = 0; r < d; ++r) {
      if (r == p) continue;
      const double factor = a[r * (d + 1) + p] / a[p * (d + 1) + p];
      for (std::size_t c = p; c <= d; ++c) a[r * (d + 1) + c] -= factor * a[p * (d + 1) + c];
    }
  }
  double sum = 0;
  for (std::size_t r = 0; r < d; ++r) {
    sum += drawn.x[i * d + r] * a[r * (d + 1) + d] / a[r * (d + 1) + r];
  }
  return sum;
}

TEST(Ridge, IsItsOwnFormula) {
  constexpr std::size_t n = 40;
  constexpr std::size_t d = 8;
  for (const double sigma : {0.05, 0.5, 3.0}) {
    const Drawn drawn = draw(n, d, 1, sigma, 2);
    std::vector<double> found(n);
    ridge({drawn.x, drawn.y, sigma}, 0.25, found);
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(found[i], normal_equations(drawn, d, i, sigma * sigma / 0.25), 1e-9) << i;
    }
  }
}

TEST(Ridge, KnowsTheTaskAfterAsManyPairsAsDimensionsWithoutNoise) {
  const Drawn drawn = draw(40, 8, 1, 0, 3);
  std::vector<double> found(40);
  ridge({drawn.x, drawn.y, 0}, 1, found);
  EXPECT_EQ(found[0], 0);
  EXPECT_GT(std::abs(found[7] - drawn.y[7]), 1e-3);
  for (std::size_t i = 8; i < 40; ++i) EXPECT_NEAR(found[i], drawn.y[i], tolerance) << i;
}

TEST(Dmmse, IsBayesRuleByHand) {
  constexpr std::size_t n = 6;
  constexpr std::size_t d = 3;
  constexpr std::size_t M = 7;
  constexpr double sigma = 0.9;
  const Drawn drawn = draw(n, d, M, sigma, 4);
  std::vector<double> found(n);
  dmmse({drawn.x, drawn.y, sigma}, drawn.tasks, found);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    double weights = 0;
    for (std::size_t m = 0; m < M; ++m) {
      const auto answer = [&](std::size_t j) {
        double y = 0;
        for (std::size_t k = 0; k < d; ++k) y += drawn.tasks[m * d + k] * drawn.x[j * d + k];
        return y;
      };
      double weight = 1;
      for (std::size_t j = 0; j < i; ++j) {
        weight *= std::exp(-std::pow(drawn.y[j] - answer(j), 2) / (2 * sigma * sigma));
      }
      sum += weight * answer(i);
      weights += weight;
    }
    EXPECT_NEAR(found[i], sum / weights, tolerance) << i;
  }
}

// Many tasks drawn from a Gaussian are a Gaussian: the two tend to each other as 1 / sqrt(M).
TEST(Dmmse, TendsToRidgeAsTheTasksBecomeMany) {
  constexpr double sigma = 0.5;
  const Drawn drawn = draw(4, 2, 400000, sigma, 5);
  std::vector<double> by_tasks(4);
  std::vector<double> by_ridge(4);
  dmmse({drawn.x, drawn.y, sigma}, drawn.tasks, by_tasks);
  ridge({drawn.x, drawn.y, sigma}, 1, by_ridge);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(by_tasks[i], by_ridge[i], 0.02) << i;
}

// exp(-10^6) is nothing: the posterior has to stay one.
TEST(Dmmse, ChoosesTheTaskWhereNoiseIsFaintOrAbsent) {
  for (const double sigma : {0.0, 1e-4}) {
    const Drawn drawn = draw(12, 4, 50, sigma, 6);
    std::vector<double> found(12);
    dmmse({drawn.x, drawn.y, sigma}, drawn.tasks, found);
    for (std::size_t i = 2; i < 12; ++i) EXPECT_NEAR(found[i], drawn.y[i], 1e-3) << i;
  }
}

}  // namespace
}  // namespace icl::theory
