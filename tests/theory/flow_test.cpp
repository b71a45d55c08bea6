#include "icl/theory/flow.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "icl/core/error.hpp"

namespace icl::theory {
namespace {

using testing::DoubleNear;

double relative(double expected, double relative_error) {
  return std::abs(expected) * relative_error;
}

// Without c2, w^2 = w0^2 + 2 (beta - beta0) along the flow, so tau* is a Gaussian integral.
double exact_blow_up(double w0, double beta0) {
  return std::sqrt(std::numbers::pi / 2) * std::exp(w0 * w0 / 2 - beta0) *
         std::erfc(w0 / std::numbers::sqrt2);
}

TEST(BlowUpTime, IsTheGaussianIntegralWithoutC2) {
  for (const double beta0 : {-5.0, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0}) {
    for (const double w0 : {-1.5, -0.3, 0.0, 0.2, 2.0}) {
      const double exact = exact_blow_up(w0, beta0);
      EXPECT_THAT(blow_up_time({w0, beta0}, 0), DoubleNear(exact, relative(exact, 1e-8)))
          << "w0 = " << w0 << ", beta0 = " << beta0;
    }
  }
}

// The values of the project's notes, whose blow-up is taken at beta = 8: all digits.
TEST(BlowUpTime, HasTheCheckedValues) {
  struct Row {
    double beta0, c2, tau, half_digit;
  };
  for (const Row& row :
       {Row{-2, 0, 9.261, 5e-4}, Row{-2, .25, 12.983, 5e-4}, Row{-2, .5, 18.101, 5e-4},
        Row{-1, 0, 3.407, 5e-4}, Row{-1, .25, 3.842, 5e-4}, Row{-1, .5, 4.357, 5e-4},
        Row{0, 0, 1.253, 5e-4}, Row{0, .25, 1.309, 5e-4}, Row{0, .5, 1.368, 5e-4},
        Row{1, 0, 0.46098, 5e-6}, Row{1, .25, 0.46834, 5e-6}, Row{1, .5, 0.47588, 5e-6}}) {
    EXPECT_THAT(blow_up_time({0, row.beta0}, row.c2, 8), DoubleNear(row.tau, row.half_digit))
        << "beta0 = " << row.beta0 << ", c2 = " << row.c2;
  }
}

// Integrated independently, in long double: x'' + c2 x' + 1/x = 0 with x = e^-beta.
TEST(BlowUpTime, AgreesWithAnotherIntegration) {
  EXPECT_NEAR(blow_up_time({0, -6}, 0.5), 40701.149437, 1e-3);
  EXPECT_NEAR(blow_up_time({0, -8}, 0.5), 2221544.081708, 0.05);
  EXPECT_NEAR(blow_up_time({-3, -4}, 0.5), 926.4855296, 1e-5);
}

TEST(BlowUpTime, CutsWhatIsLeftAtBetaEnd) {
  // From there on beta takes the rest: w0 = sqrt(2 beta_end) at beta0 = beta_end.
  const double rest = exact_blow_up(std::sqrt(16.0), 8);
  EXPECT_THAT(blow_up_time({0, 0}, 0) - blow_up_time({0, 0}, 0, 8), DoubleNear(rest, 1e-9));
}

TEST(BlowUpTime, RefusesWhatHasNoMeaning) {
  EXPECT_THROW((void)blow_up_time({0, std::nan("")}, 0), Error);
  EXPECT_THROW((void)blow_up_time({INFINITY, 0}, 0), Error);
  EXPECT_THROW((void)blow_up_time({0, 0}, -0.1), Error);
  EXPECT_THROW((void)blow_up_time({0, 0}, 1.1), Error);
  EXPECT_THROW((void)blow_up_time({0, -9}, 0.5), Error);
  EXPECT_THROW((void)blow_up_time({-40, 0}, 0), Error);
  EXPECT_THROW((void)blow_up_time({0, 9}, 0, 8), Error);
  const auto nothing = [](double) { return Memorisation{0, 0.5}; };
  EXPECT_THROW((void)acquisition_time({0, 0}, 99, nothing, 1e6), Error);
}

TEST(AcquisitionTime, IsNTauStarOverC1WhenNothingIsMemorised) {
  const auto fresh = [](double) { return Memorisation{0.5, 0.5}; };
  const double expected = 99 * blow_up_time({0, -0.5}, 0.5) / 0.5;
  const auto t = acquisition_time({0, -0.5}, 99, fresh, 1e6);
  ASSERT_TRUE(t.has_value());
  EXPECT_THAT(*t, DoubleNear(expected, relative(expected, 1e-7)));
  EXPECT_FALSE(acquisition_time({0, -0.5}, 99, fresh, 0.999 * expected).has_value());
  EXPECT_TRUE(acquisition_time({0, -0.5}, 99, fresh, 1.001 * expected).has_value());
}

// c1 = e^(-t/T)/2 gives I_K(t) = T/2 (1 - e^(-t/T)): acquired if and only if T/2 > n tau*.
TEST(AcquisitionTime, DependsOnTheIntegratedSignal) {
  const double needed = 20 * blow_up_time({0, 0}, 0);
  for (const double T : {0.5, 0.99, 1.01, 1.5, 10.0}) {
    const double scale = 2 * needed * T;
    const auto t = acquisition_time(
        {0, 0}, 20,
        [&](double s) {
          return Memorisation{0.5 * std::exp(-s / scale), 0};
        },
        50 * scale);
    ASSERT_EQ(t.has_value(), T > 1) << T;
    if (t) {
      const double exact = -scale * std::log(1 - needed / (scale / 2));
      EXPECT_THAT(*t, DoubleNear(exact, relative(exact, 1e-5))) << T;
    }
  }
}

TEST(Predictions, FollowTheirFormulas) {
  EXPECT_DOUBLE_EQ(acquisition_steps(99, 1.25, 0.1), 2475);
  EXPECT_NEAR(threshold_diversity(99, 1.25, 0.5, 0.7), std::pow(99 * 1.25 / 0.5, 1 / 0.7), 1e-9);
}

}  // namespace
}  // namespace icl::theory
