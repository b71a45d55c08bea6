#include "icl/theory/prediction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace icl::theory {
namespace {

constexpr double n = 99;
constexpr double rate = 0.1;

/// Evaluations every 100 steps up to `last`, with constant c1 and c2.
struct History {
  History(double last, double c1_value, double c2_value) {
    for (double step = 0; step <= last; step += 100) {
      steps.push_back(step);
      c1.push_back(c1_value);
      c2.push_back(c2_value);
    }
  }
  [[nodiscard]] Measured measured() const { return {steps, c1, c2}; }
  std::vector<double> steps, c1, c2;
};

TEST(Prediction, WithAMemoriserThatLearnsNothingBothStepsAgree) {
  const History run(10000, 0.5, 0.5);
  const auto prediction = predict({0, 0}, n, rate, run.measured());
  ASSERT_TRUE(prediction && prediction->measured_steps);
  EXPECT_NEAR(prediction->tau_star, 1.368, 5e-4);  // the table of Nguyen & Reddy's theory
  EXPECT_DOUBLE_EQ(prediction->initial_steps, 2 * n * prediction->tau_star / rate);
  EXPECT_NEAR(*prediction->measured_steps / prediction->initial_steps, 1, 1e-6);
}

// Half the signal takes twice the time; a signal that has gone never suffices.
TEST(Prediction, FollowsTheMeasuredSignal) {
  const auto slow = predict({0, 0}, n, rate, History(20000, 0.25, 0.5).measured());
  ASSERT_TRUE(slow && slow->measured_steps);
  EXPECT_NEAR(*slow->measured_steps / slow->initial_steps, 2, 1e-6);
  EXPECT_FALSE(predict({0, 0}, n, rate, History(20000, 1e-3, 0.5).measured())->measured_steps);
  EXPECT_FALSE(predict({0, 0}, n, rate, History(2000, 0.5, 0.5).measured())->measured_steps);
}

// c1 falls linearly from 1/2 to 0 over T: I_K(t) = t/2 - t^2/(4T), to be solved for n tau*.
TEST(Prediction, InterpolatesBetweenEvaluations) {
  constexpr double end = 20000;
  History run(end, 0.5, 0.5);
  run.steps = {0, end};
  run.c1 = {0.5, 0};
  run.c2 = {0.5, 0.5};
  const auto prediction = predict({0, 0}, n, rate, run.measured());
  ASSERT_TRUE(prediction && prediction->measured_steps);
  const double T = end * rate;
  const double I = n * prediction->tau_star;
  const double t = T * (1 - std::sqrt(1 - 4 * I / T));
  EXPECT_NEAR(*prediction->measured_steps, t / rate, 1e-5 * t / rate);
}

TEST(Prediction, SaysNothingWhereTheTheoryDoesNotReach) {
  const History run(1000, 0.5, 0.5);
  EXPECT_FALSE(predict({0, 11}, n, rate, run.measured()));
  EXPECT_FALSE(predict({0, NAN}, n, rate, run.measured()));
  EXPECT_FALSE(predict({INFINITY, 0}, n, rate, run.measured()));
  EXPECT_FALSE(predict({0, 0}, n, rate, {}));
  History broken = run;
  broken.c1[3] = NAN;
  EXPECT_FALSE(predict({0, 0}, n, rate, broken.measured()));
}

TEST(Prediction, OneEvaluationIsNoSeries) {
  const auto prediction = predict({0, 0}, n, rate, History(0, 0.5, 0.5).measured());
  ASSERT_TRUE(prediction);
  EXPECT_FALSE(prediction->measured_steps);
}

}  // namespace
}  // namespace icl::theory
