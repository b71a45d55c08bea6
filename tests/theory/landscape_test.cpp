#include "icl/theory/landscape.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "icl/core/error.hpp"
#include "support/random.hpp"

namespace icl::theory {
namespace {

using testing::DoubleNear;

const std::vector<double> nothing_known{0.0};
const std::vector<double> some_known{-0.7, 0.1, 1.3, 4.0};

double softplus(double x) { return std::log1p(std::exp(x)); }

TEST(Landscape, AtZeroWIsTheMemorisersLoss) {
  const Landscape landscape(20, SelfAttention::no, some_known);
  double mean = 0;
  for (const double phi : some_known) mean += softplus(-phi) / 4;
  EXPECT_NEAR(landscape.at(0, 1.5).loss, mean, 1e-14);
  EXPECT_NEAR(landscape.at(0, 1.5).dbeta, 0, 1e-16);
}

// N = 4 by hand: S is -2, 0, 2 with probabilities 1/4, 1/2, 1/4.
TEST(Landscape, AveragesOverTheOthersExactly) {
  const double e = std::exp(0.3);
  for (const auto& [self, denominator] :
       {std::pair(SelfAttention::no, e + 2), std::pair(SelfAttention::yes, 2 * e + 2)}) {
    const Landscape landscape(4, self, nothing_known);
    const auto loss = [&, d = denominator](double S) { return softplus(-1.7 * (e + S) / d); };
    EXPECT_NEAR(landscape.at(1.7, 0.3).loss, loss(-2) / 4 + loss(0) / 2 + loss(2) / 4, 1e-14);
    EXPECT_NEAR(landscape.at(1.7, 0.3).accuracy, 0.75, 1e-14) << "e^0.3 < 2: wrong at S = -2";
  }
}

TEST(Landscape, AgreesWithDrawnContexts) {
  const Landscape landscape(31, SelfAttention::no, nothing_known);
  double sum = 0;
  constexpr int draws = 200000;
  for (const std::uint32_t word : test::random_words(draws, 1)) {
    double S = 0;
    for (unsigned j = 0; j < 29; ++j) S += ((word >> j) & 1U) != 0 ? 1 : -1;
    sum += softplus(-2.0 * (std::exp(1.0) + S) / (std::exp(1.0) + 29));
  }
  EXPECT_NEAR(landscape.at(2, 1).loss, sum / draws, 2e-3);  // about five standard errors
}

TEST(Landscape, HasTheGradientOfItsLoss) {
  for (const SelfAttention self : {SelfAttention::no, SelfAttention::yes}) {
    const Landscape landscape(25, self, some_known);
    constexpr double h = 1e-5;
    for (const double w : {-0.4, 0.3, 2.0, 5.0}) {
      for (const double beta : {-1.0, 0.5, 3.0, 6.0}) {
        const LandscapePoint point = landscape.at(w, beta);
        const double dw =
            (landscape.at(w + h, beta).loss - landscape.at(w - h, beta).loss) / (2 * h);
        const double dbeta =
            (landscape.at(w, beta + h).loss - landscape.at(w, beta - h).loss) / (2 * h);
        EXPECT_NEAR(point.dw, dw, 1e-9) << w << " " << beta;
        EXPECT_NEAR(point.dbeta, dbeta, 1e-9) << w << " " << beta;
      }
    }
  }
}

// To leading order in 1/n: -dL/dw = (c1/n)(e^beta - c2 w), -dL/dbeta = (c1/n) w e^beta.
TEST(Landscape, ExpandsToTheFlow) {
  constexpr std::int64_t N = 4001;
  const Landscape landscape(N, SelfAttention::no, nothing_known);
  const double n = N - 1;
  for (const double beta : {-0.5, 0.0, 1.0}) {
    for (const double w : {0.1, 0.5, 1.0}) {
      const LandscapePoint point = landscape.at(w, beta);
      const double e = std::exp(beta);
      EXPECT_NEAR(-point.dw * n, 0.5 * (e - 0.5 * w), 3e-3 * e) << w << " " << beta;
      EXPECT_NEAR(-point.dbeta * n, 0.5 * w * e, 3e-3 * e) << w << " " << beta;
    }
  }
}

TEST(TimeToAccuracy, TendsToTheBlowUpForLongContexts) {
  const Landscape landscape(801, SelfAttention::no, nothing_known);
  const double blow_up = 800 * blow_up_time({0, 0}, 0.5) / 0.5;
  const auto t = landscape.time_to_accuracy({0, 0}, 0.95, 10 * blow_up);
  ASSERT_TRUE(t.has_value());
  EXPECT_NEAR(*t / blow_up, 1, 0.05);
  EXPECT_FALSE(landscape.time_to_accuracy({0, 0}, 0.95, 0.9 * *t).has_value());
  const auto longer = landscape.time_to_accuracy({0, 0}, 0.99, 10 * blow_up);
  ASSERT_TRUE(longer.has_value());
  EXPECT_GT(*longer, *t);
}

TEST(TimeToAccuracy, DoesNotDependOnTheHorizonAndAlwaysEnds) {
  const Landscape landscape(100, SelfAttention::no, nothing_known);
  const auto t = landscape.time_to_accuracy({0, 0}, 0.95, 1e5);
  ASSERT_TRUE(t.has_value());
  for (const double t_end : {1e9, 1e12}) {
    const auto far = landscape.time_to_accuracy({0, 0}, 0.95, t_end);
    ASSERT_TRUE(far.has_value());
    EXPECT_NEAR(*far / *t, 1, 1e-6);
  }
  // Any w > 0 answers half of the sequences rightly, at once.
  EXPECT_LT(landscape.time_to_accuracy({0, 0}, 0.5, 1e5).value(), 1e-2);
  EXPECT_THROW((void)landscape.time_to_accuracy({std::nan(""), 0}, 0.95, 1e5), Error);
}

TEST(Landscape, IsFiniteEverywhere) {
  for (const std::int64_t N : {2, 3, 100}) {
    for (const SelfAttention self : {SelfAttention::no, SelfAttention::yes}) {
      for (const double beta : {-800.0, -400.0, 709.0, 800.0}) {
        const LandscapePoint point = Landscape(N, self, some_known).at(2, beta);
        EXPECT_TRUE(std::isfinite(point.loss) && std::isfinite(point.dw) &&
                    std::isfinite(point.dbeta))
            << N << " " << beta;
      }
    }
  }
}

TEST(RestingW, BalancesDecayAndPull) {
  for (const double lambda : {1e-4, 1e-2, 1.0, 49.0}) {
    const double w = resting_w(lambda, some_known);
    double pull = 0;
    for (const double phi : some_known) pull += 1 / (1 + std::exp(phi + w)) / 4;
    EXPECT_THAT(lambda * w, DoubleNear(pull, 1e-12)) << lambda;
  }
  const std::vector<double> known_well{5.0, 6.0};
  EXPECT_LT(resting_w(1e-2, known_well), resting_w(1e-2, nothing_known))
      << "what is memorised needs no w";
}

TEST(Landscape, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(Landscape(1, SelfAttention::no, nothing_known), Error);
  EXPECT_THROW(Landscape(20, SelfAttention::no, {}), Error);
  EXPECT_THROW(Landscape(20, SelfAttention::no, std::vector<double>{std::nan("")}), Error);
  EXPECT_THROW((void)resting_w(0, nothing_known), Error);
}

}  // namespace
}  // namespace icl::theory
