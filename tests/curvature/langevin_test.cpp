#include "icl/curvature/langevin.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace icl::curvature {
namespace {

/// n beta E[L] under exp(-n beta L(w) - gamma |w|^2 / 2), L = x^2 y^2, by quadrature: over y it is
/// a Gaussian of precision p(x) = 2 n beta x^2 + gamma, where n beta x^2 y^2 has the mean n beta
/// x^2 / p(x), and over x the density is p(x)^(-1/2) exp(-gamma x^2 / 2).
double expected_of_product(double n_beta, double gamma) {
  double mass = 0;
  double mean = 0;
  const double end = 10 / std::sqrt(gamma);
  constexpr int points = 2000000;
  for (int i = 0; i < points; ++i) {
    const double x = end * (i + 0.5) / points;
    const double p = 2 * n_beta * x * x + gamma;
    const double density = std::exp(-gamma * x * x / 2) / std::sqrt(p);
    mass += density;
    mean += density * n_beta * x * x / p;
  }
  return mean / mass;
}

double product_squared(std::span<const double> w, std::span<double> g) {
  const double xy = w[0] * w[1];
  g[0] = 2 * xy * w[1];
  g[1] = 2 * xy * w[0];
  return xy * xy;
}

/// The coefficient of a function of d numbers at its least value, 0 at w = 0.
Coefficient coefficient(const std::function<double(std::span<const double>, std::span<double>)>& f,
                        std::int64_t d, const Langevin& options, int threads = 2) {
  const Vector w(static_cast<std::size_t>(d), 0.0);
  const BatchGradient gradient = [&](std::int64_t, std::int64_t, std::span<const double> x,
                                     std::span<double> g) { return f(x, g); };
  const auto losses = langevin_losses(gradient, 1, w, {"all", {{0, d}}}, options, Workers(threads));
  return learning_coefficient(losses, 0, options);
}

TEST(Langevin, FindsHalfTheDimensionOfAQuadratic) {
  // Curvatures over a factor of ten; gamma takes n beta a / (n beta a + gamma) of each.
  const std::int64_t d = 200;
  const auto quadratic = [](std::span<const double> w, std::span<double> g) {
    double f = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double a = 0.5 + double(i % 10) / 2;
      g[i] = a * w[i];
      f += g[i] * w[i] / 2;
    }
    return f;
  };
  const Coefficient found = coefficient(quadratic, d,
                                        {.step = 2e-4,
                                         .localisation = 1,
                                         .inverse_temperature = 100,
                                         .burn_in = 1000,
                                         .draws = 4000,
                                         .chains = 8});
  EXPECT_NEAR(found.value, 0.5 * double(d), 0.05 * 0.5 * double(d));
  EXPECT_NEAR(found.value, 0.5 * double(d), 4 * found.error + 2);
  EXPECT_LT(found.error, 0.02 * double(d));
  EXPECT_GT(found.error, 0);
}

// Watanabe 2009, theorem 7.1: the mean is lambda - (m - 1) / (log(n beta) + C) up to powers of
// 1 / (n beta), here with lambda = 1/2 and multiplicity m = 2: its logarithm is within 5 % of
// lambda from n beta = e^37 on, which no chain reaches. So lambda is what two temperatures give
// together: with a = log(n beta_1) + C and L = log(n beta_2 / n beta_1), their means differ by L /
// (a (a + L)).
double coefficient_of_two(double mean_1, double mean_2, double n_beta_1, double n_beta_2) {
  const double l = std::log(n_beta_2 / n_beta_1);
  const double a = (std::sqrt(l * l + 4 * l / (mean_2 - mean_1)) - l) / 2;
  return mean_1 + 1 / a;
}

TEST(Langevin, FindsTheSingularProductOfTwoNumbers) {
  const double gamma = 1;
  const auto sampled = [&](double n_beta, double step, std::int64_t draws) {
    const Coefficient found = coefficient(product_squared, 2,
                                          {.step = step,
                                           .localisation = gamma,
                                           .inverse_temperature = n_beta,
                                           .burn_in = std::llround(5 / (gamma * step)),
                                           .draws = draws,
                                           .chains = 64});
    const double exact = expected_of_product(n_beta, gamma);
    EXPECT_NEAR(found.value, exact, 0.02 * exact) << n_beta << " +- " << found.error;
    return found.value;
  };
  const double at_10 = sampled(10, 2e-3, 30000), at_300 = sampled(300, 5e-5, 150000);
  EXPECT_NEAR(coefficient_of_two(at_10, at_300, 10, 300), 0.5, 0.05 * 0.5);
  // The powers that are left out shrink.
  const auto exact = [&](double n_beta) { return expected_of_product(n_beta, gamma); };
  EXPECT_NEAR(coefficient_of_two(exact(1e6), exact(1e8), 1e6, 1e8), 0.5, 1e-4);
}

TEST(Langevin, LeavesWhatIsNotFreeAndHasTheSameBitsForAnyNumberOfWorkers) {
  const Vector w{1, 2, 3, 4};
  bool moved = false;
  const BatchGradient gradient = [&](std::int64_t, std::int64_t batch, std::span<const double> x,
                                     std::span<double> g) {
    moved = moved || x[1] != 2 || x[3] != 4;
    for (std::size_t i = 0; i < x.size(); ++i) g[i] = x[i] * double(batch + 1);
    return x[0] + x[2] + 100 * double(batch);
  };
  const Langevin options{.step = 0.01,
                         .localisation = 1,
                         .inverse_temperature = 3,
                         .burn_in = 2,
                         .draws = 6,
                         .chains = 3};
  const Circuit free{"free", {{0, 1}, {2, 1}}};
  const auto run = [&](int threads) {
    return langevin_losses(gradient, 3, w, free, options, Workers(threads));
  };
  const auto one = run(1);
  EXPECT_FALSE(moved);
  for (const int threads : {2, 5}) EXPECT_EQ(run(threads), one);
  ASSERT_EQ(one.size(), 3);
  ASSERT_EQ(one[0].size(), 8);
  EXPECT_EQ(one[0][0], 4);
  EXPECT_EQ(one[1][0], 104);  // chain 1 begins with batch 1
  EXPECT_NEAR(one[2][1], 4, 1);
  EXPECT_NE(one[0][1] - 100, one[2][1]);  // noise of its own
}

TEST(Langevin, CoefficientIsTheMeanOverDrawsAndItsErrorThatOverChains) {
  const Langevin options{.inverse_temperature = 10, .burn_in = 1, .draws = 2, .chains = 2};
  const auto found = learning_coefficient({{9, 1, 2}, {9, 2, 3}}, 1, options);
  EXPECT_DOUBLE_EQ(found.chains[0], 5);
  EXPECT_DOUBLE_EQ(found.chains[1], 15);
  EXPECT_DOUBLE_EQ(found.value, 10);
  EXPECT_DOUBLE_EQ(found.error, 5);
  EXPECT_TRUE(std::isnan(learning_coefficient({{9, 1, 2}}, 1, options).error));
}

}  // namespace
}  // namespace icl::curvature
