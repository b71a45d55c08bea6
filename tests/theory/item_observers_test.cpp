#include "icl/theory/item_observers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "support/random.hpp"

namespace icl::theory {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr double tolerance = 1e-6;

std::vector<float> normals(std::size_t count, std::uint64_t seed) {
  std::vector<float> x(count);
  test::fill_normal(std::span(x), seed);
  return x;
}

double density(double x, double mean, double variance) {
  return std::exp(-(x - mean) * (x - mean) / (2 * variance)) /
         std::sqrt(2 * std::numbers::pi * variance);
}

std::vector<double> shares(std::vector<double> weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  for (double& weight : weights) weight /= sum;
  return weights;
}

// p_k times the density of y where it shows x_k, as the words of data.noise have it.
TEST(Memoriser, IsBayesRuleByHand) {
  constexpr std::size_t K = 5;
  constexpr std::size_t D = 3;
  const auto items = normals(K * D, 1);
  const auto y = normals(D, 2);
  for (const double epsilon : {0.3, 1.0, 2.5}) {
    std::vector<double> prior;
    std::vector<double> log_prior;
    std::vector<double> expected;
    for (std::size_t k = 0; k < K; ++k) {
      prior.push_back(1.0 / static_cast<double>(k + 1));
      log_prior.push_back(std::log(prior.back()));
      expected.push_back(prior.back());
      const double s = std::sqrt(1 + epsilon * epsilon);
      for (std::size_t d = 0; d < D; ++d) {
        expected.back() *= density(y[d], items[k * D + d] / s, epsilon * epsilon / (D * s * s));
      }
    }
    expected = shares(expected);
    std::vector<double> found(K);
    memoriser_posterior(items, y, epsilon, log_prior, found);
    for (std::size_t k = 0; k < K; ++k) {
      EXPECT_NEAR(std::exp(found[k]), expected[k], tolerance) << epsilon << " " << k;
    }
  }
}

TEST(Memoriser, KnowsWhatItSeesWithoutNoise) {
  const std::vector<float> items{1, 2, 3, 4, 1, 2};
  const std::vector<double> log_prior{std::log(0.5), std::log(0.25), std::log(0.25)};
  std::vector<double> found(3);
  memoriser_posterior(items, std::array{1.F, 2.F}, 0, log_prior, found);
  EXPECT_NEAR(std::exp(found[0]), 2.0 / 3, 1e-15);
  EXPECT_EQ(found[1], -std::numeric_limits<double>::infinity());
  memoriser_posterior(items, std::array{1.F, 2.5F}, 0, log_prior, found);
  EXPECT_NEAR(std::exp(found[0]), 0.5, 1e-15) << "an item that is not among them";
}

// The density of a pair (y, y_j) that shows one item x, by a sum over x; the other tokens have
// densities of their own.
TEST(Copier, IsBayesRuleWithTheItemIntegratedOut) {
  constexpr std::size_t n = 4;
  const auto context = normals(n, 3);
  const auto y = normals(1, 4);
  for (const double epsilon : {0.2, 0.7, 1.5}) {
    const double s = std::sqrt(1 + epsilon * epsilon);
    const double noise = epsilon * epsilon / (s * s);
    std::vector<double> expected;
    for (std::size_t j = 0; j < n; ++j) {
      double together = 0;
      constexpr double width = 1e-3;
      for (double x = -12; x < 12; x += width) {
        together += width * density(x, 0, 1) * density(y[0], x / s, noise) *
                    density(context[j], x / s, noise);
      }
      expected.push_back(together);
      for (std::size_t other = 0; other < n; ++other) {
        if (other != j) expected.back() *= density(context[other], 0, 1);
      }
    }
    expected = shares(expected);
    std::vector<double> found(n);
    EXPECT_TRUE(copier_posterior(context, y, epsilon, found));
    for (std::size_t j = 0; j < n; ++j) {
      EXPECT_NEAR(std::exp(found[j]), expected[j], tolerance) << epsilon << " " << j;
    }
  }
}

// In D dimensions the ratios of the D coordinates, each of variance 1 / D, are multiplied.
TEST(Copier, MultipliesWhatTheDimensionsSay) {
  constexpr std::size_t n = 3;
  constexpr std::size_t D = 4;
  constexpr double epsilon = 0.8;
  const auto context = normals(n * D, 5);
  const auto y = normals(D, 6);
  std::vector<double> expected(n);
  for (std::size_t d = 0; d < D; ++d) {
    const float scale = std::sqrt(static_cast<float>(D));
    const std::array scaled_y{y[d] * scale};
    std::array<float, n> scaled{};
    for (std::size_t j = 0; j < n; ++j) scaled.at(j) = context[j * D + d] * scale;
    std::array<double, n> one{};
    copier_posterior(scaled, scaled_y, epsilon, one);
    for (std::size_t j = 0; j < n; ++j) expected[j] += one.at(j);
  }
  normalise_log(expected);
  std::vector<double> found(n);
  copier_posterior(context, y, epsilon, found);
  for (std::size_t j = 0; j < n; ++j) EXPECT_NEAR(found[j], expected[j], tolerance) << j;
}

TEST(Copier, FindsTheCopyWithoutNoiseAndSaysWhereThereIsNone) {
  const std::vector<float> context{1, 2, 3, 4, 1, 2};
  std::vector<double> found(3);
  EXPECT_TRUE(copier_posterior(context, std::array{1.F, 2.F}, 0, found));
  EXPECT_NEAR(std::exp(found[0]), 0.5, 1e-15);
  EXPECT_NEAR(std::exp(found[2]), 0.5, 1e-15);
  EXPECT_FALSE(copier_posterior(context, std::array{3.F, 2.F}, 0, found));
  EXPECT_THAT(found, Each(testing::DoubleNear(std::log(1.0 / 3), 1e-15)));
}

TEST(Copier, TendsToTheCopyAsTheNoiseVanishes) {
  const auto context = normals(std::size_t{6} * 8, 7);
  std::vector<double> found(6);
  copier_posterior(context, std::span(context).subspan(16, 8), 1e-3, found);
  EXPECT_NEAR(found[2], 0, 1e-12);
}

TEST(Labels, AreSumsOfWhatHasThem) {
  const std::vector<double> posterior{std::log(0.1), std::log(0.2), std::log(0.3), std::log(0.4)};
  std::vector<double> found(4);
  label_probabilities(posterior, std::array{0, 2, 0, 1}, found);
  EXPECT_NEAR(std::exp(found[0]), 0.4, 1e-15);
  EXPECT_NEAR(std::exp(found[1]), 0.4, 1e-15);
  EXPECT_NEAR(std::exp(found[2]), 0.2, 1e-15);
  EXPECT_EQ(found[3], -std::numeric_limits<double>::infinity());
}

// A difference of a thousand nats is still one of a thousand nats.
TEST(Labels, KeepWhatIsFarBelowOne) {
  std::vector<double> posterior{0, -1000};
  normalise_log(posterior);
  std::vector<double> found(2);
  label_probabilities(posterior, std::array{1, 0}, found);
  EXPECT_THAT(found, ElementsAre(-1000, 0));
}

}  // namespace
}  // namespace icl::theory
