#include "icl/nn/logistic_loss.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "icl/core/tensor.hpp"
#include "support/errors.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"

namespace icl::nn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double loss_of(double z, int y) {
  const auto logit = static_cast<Real>(z);
  const auto answer = static_cast<Label>(y);
  return logistic_loss({&logit, 1}, {&answer, 1}).loss;
}

Real gradient_of(double z, int y) {
  const auto logit = static_cast<Real>(z);
  const auto answer = static_cast<Label>(y);
  Real dz = 0;
  logistic_loss_gradient({&logit, 1}, {&answer, 1}, {&dz, 1});
  return dz;
}

// In long double, whose exponents reach far below those of double.
long double softplus(long double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
long double sigmoid(long double x) {
  return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

constexpr std::array margins{0.0,  1e-30, 1e-12, 1e-6, 0.01, 0.3,   0.5,   1.0,   2.0,  5.0,
                             10.0, 17.0,  36.0,  37.0, 50.0, 100.0, 500.0, 700.0, 705.0};

TEST(LogisticLoss, IsSoftplusToFourteenDigits) {
  for (const double margin : margins) {
    for (const int y : {-1, 1}) {
      for (const double z : {margin, -margin}) {
        const auto m = static_cast<long double>(static_cast<Real>(z)) * y;
        const auto expected = static_cast<double>(softplus(-m));
        EXPECT_NEAR(loss_of(z, y), expected, 1e-14 * expected) << z << ' ' << y;
      }
    }
  }
}

TEST(LogisticLoss, IsLogTwoAtZero) {
  EXPECT_NEAR(loss_of(0, 1), std::numbers::ln2, 2e-16);
  EXPECT_NEAR(loss_of(-0.0, -1), std::numbers::ln2, 2e-16);
  EXPECT_EQ(gradient_of(0, 1), Real(-0.5));
  EXPECT_EQ(gradient_of(0, -1), Real(0.5));
}

TEST(LogisticLoss, DoesNotOverflow) {
  // e^-800 = 3.7e-348 is below the least double.
  EXPECT_EQ(loss_of(800, 1), 0);
  EXPECT_EQ(loss_of(-800, -1), 0);
  EXPECT_EQ(loss_of(-800, 1), 800);
  EXPECT_EQ(loss_of(800, -1), 800);
  EXPECT_EQ(gradient_of(800, 1), 0);
  EXPECT_EQ(gradient_of(-800, 1), -1);
  EXPECT_EQ(gradient_of(800, -1), 1);
  constexpr double huge = 3e38;
  EXPECT_EQ(loss_of(huge, 1), 0);
  EXPECT_EQ(loss_of(-huge, 1), static_cast<Real>(huge));
  EXPECT_EQ(gradient_of(-huge, 1), -1);
  EXPECT_EQ(loss_of(infinity, 1), 0);
  EXPECT_EQ(loss_of(-infinity, 1), infinity);
  EXPECT_EQ(gradient_of(-infinity, 1), -1);
}

TEST(LogisticLoss, PassesNan) {
  EXPECT_TRUE(std::isnan(loss_of(std::nan(""), 1)));
  EXPECT_TRUE(std::isnan(loss_of(std::nan(""), -1)));
  EXPECT_TRUE(std::isnan(gradient_of(std::nan(""), 1)));
}

TEST(LogisticLoss, GradientIsMinusYTimesSigmoid) {
  for (const double margin : margins) {
    for (const int y : {-1, 1}) {
      for (const double z : {margin, -margin}) {
        const auto m = static_cast<long double>(static_cast<Real>(z)) * y;
        const auto expected = static_cast<double>(-y * sigmoid(-m));
        // In float, what is below its normal numbers may be any of them.
        const double tolerance = std::max(1e-14, 2 * test::unit_roundoff) * std::abs(expected) +
                                 double{std::numeric_limits<Real>::denorm_min()};
        EXPECT_NEAR(gradient_of(z, y), expected, tolerance) << z << ' ' << y;
      }
    }
  }
}

TEST(LogisticLoss, SumsOverTheBatchAndGradientIsOfTheMean) {
  constexpr std::int64_t batch = 37;
  const Tensor z = test::normal_tensor({batch}, 1, 3);
  const auto y = test::random_answers(batch, 2);
  const LossSums sums = logistic_loss(z.values(), y.values());
  Tensor dz({batch});
  logistic_loss_gradient(z.values(), y.values(), dz.values());
  long double loss = 0;
  std::int64_t correct = 0;
  for (std::int64_t b = 0; b < batch; ++b) {
    loss += softplus(static_cast<long double>(z[b]) * -y[b]);
    correct += (z[b] > 0) == (y[b] > 0) ? 1 : 0;
    const Real alone = gradient_of(z[b], y[b]);
    EXPECT_NEAR(dz[b], double{alone} / batch,
                3 * test::unit_roundoff * std::abs(double{alone}) / batch);
  }
  EXPECT_NEAR(sums.loss, static_cast<double>(loss), 1e-14 * sums.loss);
  EXPECT_EQ(sums.correct, correct);
}

TEST(LogisticLoss, CountsNeitherZeroNorNanAsCorrect) {
  const std::array<Real, 5> z{0, Real(-0.0), std::numeric_limits<Real>::quiet_NaN(), 1, -1};
  const std::array<Label, 5> y{1, -1, 1, 1, -1};
  EXPECT_EQ(logistic_loss(z, y).correct, 2);
}

TEST(LogisticLoss, WantsAnAnswerForEachLogit) {
  const std::array<Real, 3> z{};
  const std::array<Label, 2> y{1, -1};
  std::array<Real, 3> dz{};
  EXPECT_EQ(test::message_of(ExitCode::internal, [&] { (void)logistic_loss(z, y); }),
            "the logistic loss needs logits [2, 1] and was given [3, 1]");
  EXPECT_EQ(test::message_of(ExitCode::internal,
                             [&] { logistic_loss_gradient(std::span(z).first(2), y, dz); }),
            "the logistic loss needs gradients [2, 1] and was given [3, 1]");
}

#ifdef ICL_REAL_DOUBLE

TEST(LogisticLoss, GradientIsTheDerivativeOfTheMeanLoss) {
  constexpr std::int64_t batch = 19;
  Tensor z = test::normal_tensor({batch}, 1, 3);
  const auto y = test::random_answers(batch, 2);
  Tensor dz({batch}), loss({1}), dloss({1});
  test::GradientCheck check(7);
  check.variable("z", z.values(), dz.values());
  check.output(loss.values(), dloss.values());
  EXPECT_TRUE(check.run([&] { loss[0] = logistic_loss(z.values(), y.values()).loss / batch; },
                        [&] {
                          logistic_loss_gradient(z.values(), y.values(), dz.values());
                          for (Real& d : dz.values()) d *= dloss[0];
                        }));
}

#endif

}  // namespace
}  // namespace icl::nn
