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

// lambda = 1/2 with multiplicity 2: n beta E[L] = 1/2 - 1/log(n beta) + ..., a correction that no
// attainable n beta makes small. So the sampler is held to the exact mean at its n beta, and that
// mean to the theory as n beta grows.
TEST(Langevin, FindsTheSingularProductOfTwoNumbers) {
  const double n_beta = 30;
  const double gamma = 1;
  const double exact = expected_of_product(n_beta, gamma);
  const Coefficient found = coefficient(product_squared, 2,
                                        {.step = 1e-3,
                                         .localisation = gamma,
                                         .inverse_temperature = n_beta,
                                         .burn_in = 5000,
                                         .draws = 60000,
                                         .chains = 64});
  EXPECT_NEAR(found.value, exact, 0.05 * exact) << "error " << found.error;
  // -log Z = lambda log(n beta) - (m - 1) log log(n beta) + ...: with C = log(16 / gamma^2) +
  // Euler's constant, the mean is 1/2 - 1/(log(n beta) + C') to all orders but powers.
  const double log_1 = std::log(1e6), log_2 = std::log(1e8);
  const double mean_1 = expected_of_product(1e6, gamma), mean_2 = expected_of_product(1e8, gamma);
  const double shift = 1 / (0.5 - mean_1) - log_1;
  EXPECT_NEAR(1 / (0.5 - mean_2) - log_2, shift, 0.02) << "lambda = 1/2, m = 2";
  EXPECT_NEAR(mean_2 + 1 / (log_2 + shift), 0.5, 0.05 * 0.5);
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
