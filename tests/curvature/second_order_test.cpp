#include "icl/curvature/second_order.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace icl::curvature {
namespace {

/// f = sum_i a_i w_i^2 / 2 + (w_0 w_1)^2.
double value_and_gradient(std::span<const double> w, std::span<double> g) {
  double f = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double a = 1 + double(i);
    f += a * w[i] * w[i] / 2;
    g[i] = a * w[i];
  }
  f += w[0] * w[0] * w[1] * w[1];
  g[0] += 2 * w[0] * w[1] * w[1];
  g[1] += 2 * w[0] * w[0] * w[1];
  return f;
}

TEST(SecondOrder, ProductsWithTheHessianAreThoseInClosedForm) {
  const Vector w{0.7, -1.3, 0.2};
  const Gradient gradient = value_and_gradient;
  const Product h = hessian(gradient, w, Workers(1));
  const double cross = 4 * w[0] * w[1];
  const std::vector<Vector> expected{
      {1 + 2 * w[1] * w[1], cross, 0}, {cross, 2 + 2 * w[0] * w[0], 0}, {0, 0, 3}};
  for (std::size_t i = 0; i < 3; ++i) {
    Vector v(3), column(3);
    v[i] = 1e3;  // the length does not matter
    h(v, column);
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(column[k], 1e3 * expected[i][k], 1e-6);
  }
  Vector zero(3), column(3, 1);
  h(zero, column);
  EXPECT_EQ(column, zero);
}

TEST(SecondOrder, EigenvaluesOfAQuadraticAreItsCoefficients) {
  const std::size_t d = 40;
  const Vector w(d, 0.0);
  const Gradient gradient = [](std::span<const double> x, std::span<double> g) {
    double f = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      g[i] = double(i + 1) * x[i];
      f += g[i] * x[i] / 2;
    }
    return f;
  };
  const auto found =
      top_eigenvalues(hessian(gradient, w, Workers(1)), d, {.tolerance = 1e-9}, Workers(1));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(found.top[i], double(d - i), 1e-8);
  EXPECT_NEAR(found.least, 1, 1e-8);
}

TEST(SecondOrder, TracesOfCircuitsComeWithTheirErrors) {
  // a_ij = 1 / (1 + |i - j|) off the diagonal, i on it.
  const std::int64_t d = 60;
  const Product a = [](std::span<const double> v, std::span<double> out) {
    for (std::size_t i = 0; i < v.size(); ++i) {
      out[i] = double(i) * v[i];
      for (std::size_t j = 0; j < v.size(); ++j) {
        if (i != j) out[i] += v[j] / (1 + std::abs(double(i) - double(j)));
      }
    }
  };
  const std::vector<Circuit> circuits{{"all", {{0, d}}}, {"ends", {{0, 10}, {50, 10}}}};
  const auto found = traces(a, circuits, d, 400, 7);
  EXPECT_NEAR(found[0].value, 59.0 * 60 / 2, 4 * found[0].error);
  EXPECT_NEAR(found[1].value, 45 + 545, 4 * found[1].error);
  // Of Hutchinson's estimator: variance 2 sum over i != j of a_ij^2 for all of A.
  double squares = 0;
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j < d; ++j) squares += i == j ? 0 : 1 / std::pow(1 + std::abs(i - j), 2);
  }
  EXPECT_NEAR(found[0].error, std::sqrt(2 * squares / 400), 0.15 * found[0].error);
  EXPECT_GT(found[0].error, 0);
  // A diagonal matrix has its trace in any one vector.
  const Product diagonal = [](std::span<const double> v, std::span<double> out) {
    for (std::size_t i = 0; i < v.size(); ++i) out[i] = 3 * v[i];
  };
  const Estimate exact = traces(diagonal, {{"all", {{0, d}}}}, d, 2, 1).front();
  EXPECT_EQ(exact.value, 180);
  EXPECT_EQ(exact.error, 0);
}

}  // namespace
}  // namespace icl::curvature
