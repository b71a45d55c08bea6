// The harness that judges every backward pass must itself reject wrong derivatives.

#include "support/gradient_check.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <vector>

namespace icl::test {
namespace {

enum class Fault {
  none,
  wrong_sign,
  factor,
  slight_factor,
  missing_term,
  transposed,
  overwritten,
  one_coordinate,
  no_mask,
  not_written,
};

constexpr std::size_t n = 7;      // width of every layer
constexpr std::size_t batch = 3;  // rows

std::size_t at(std::size_t row, std::size_t column) { return row * n + column; }

/// h = relu(x W^T), o = h V^T + tanh(x), all square, with a backward pass that may be wrong.
struct Toy {
  std::vector<double> w = std::vector<double>(n * n), v = w, dw = w, dv = w;
  std::vector<double> x = std::vector<double>(batch * n), dx = x, h = x, o = x, d_o = x;

  Toy() {
    fill_normal(std::span(w), 1);
    fill_normal(std::span(v), 2);
    fill_normal(std::span(x), 3);
  }

  void forward() {
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < n; ++i) {
        double z = 0;
        for (std::size_t k = 0; k < n; ++k) z += x[at(b, k)] * w[at(i, k)];
        h[at(b, i)] = z > 0 ? z : 0;
      }
      for (std::size_t i = 0; i < n; ++i) {
        o[at(b, i)] = std::tanh(x[at(b, i)]);
        for (std::size_t k = 0; k < n; ++k) o[at(b, i)] += h[at(b, k)] * v[at(i, k)];
      }
    }
  }

  void backward(Fault fault) {
    if (fault == Fault::not_written) return;
    std::ranges::fill(dw, 0);
    std::ranges::fill(dv, 0);
    for (std::size_t b = 0; b < batch; ++b) {
      std::array<double, n> dz{};
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < n; ++k) {
          dz[i] += d_o[at(b, k)] * (fault == Fault::transposed ? v[at(i, k)] : v[at(k, i)]);
          const double share = d_o[at(b, i)] * h[at(b, k)];
          dv[at(i, k)] = fault == Fault::overwritten ? share : dv[at(i, k)] + share;
        }
        if (fault != Fault::no_mask && !(h[at(b, i)] > 0)) dz[i] = 0;
      }
      for (std::size_t k = 0; k < n; ++k) {
        const double t = std::tanh(x[at(b, k)]);
        dx[at(b, k)] = fault == Fault::missing_term ? 0 : d_o[at(b, k)] * (1 - t * t);
        for (std::size_t i = 0; i < n; ++i) {
          dx[at(b, k)] += dz[i] * w[at(i, k)];
          dw[at(i, k)] += dz[i] * x[at(b, k)];
        }
      }
    }
    if (fault == Fault::wrong_sign) scale(dw, -1);
    if (fault == Fault::factor) scale(dv, 1.001);
    if (fault == Fault::slight_factor) scale(dx, 1 + 3e-7);
    if (fault == Fault::one_coordinate) dw[at(2, 5)] += 1e-4;
  }

  static void scale(std::vector<double>& values, double factor) {
    for (double& value : values) value *= factor;
  }

  void declare(GradientCheck& check) {
    check.variable("w", w, dw);
    check.variable("v", v, dv);
    check.variable("x", x, dx);
    check.output(o, d_o);
    check.relu(h);
  }
};

testing::AssertionResult check_toy(Fault fault) {
  Toy toy;
  GradientCheck check(11);
  toy.declare(check);
  return check.run([&] { toy.forward(); }, [&] { toy.backward(fault); });
}

TEST(GradientCheck, AcceptsTheRightDerivativeWithRoomToSpare) {
  Toy toy;
  GradientCheck check(11);
  toy.declare(check);
  EXPECT_TRUE(check.run([&] { toy.forward(); }, [&] { toy.backward(Fault::none); }));
  EXPECT_EQ(check.coordinates(), static_cast<std::int64_t>(2 * n * n + batch * n));
  EXPECT_EQ(check.excluded(), 0);
  EXPECT_LT(check.worst(), 0.05 * GradientCheck::tolerance);
}

TEST(GradientCheck, RejectsEachKindOfWrongDerivative) {
  EXPECT_FALSE(check_toy(Fault::wrong_sign));
  EXPECT_FALSE(check_toy(Fault::factor));
  EXPECT_FALSE(check_toy(Fault::slight_factor)) << "three times the tolerance";
  EXPECT_FALSE(check_toy(Fault::missing_term));
  EXPECT_FALSE(check_toy(Fault::transposed));
  EXPECT_FALSE(check_toy(Fault::overwritten));
  EXPECT_FALSE(check_toy(Fault::one_coordinate));
  EXPECT_FALSE(check_toy(Fault::no_mask));
  EXPECT_FALSE(check_toy(Fault::not_written));
}

TEST(GradientCheck, RejectsANonzeroDerivativeOfWhatDoesNotMatter) {
  std::vector<double> x{1.0, 2.0}, dx(2), o(1), d_o(1);
  GradientCheck check(1);
  check.variable("x", x, dx);
  check.output(o, d_o);
  const auto forward = [&] { o[0] = 3; };
  EXPECT_TRUE(check.run(forward, [&] { std::ranges::fill(dx, 0); }));
  EXPECT_FALSE(check.run(forward, [&] { std::ranges::fill(dx, 1e-300); }));
}

/// o_i = relu(x_i) for `count` inputs of which the first `at_kink` lie next to the kink, where the
/// analytic gradient (1 or 0) and the difference quotient must disagree.
testing::AssertionResult check_near_kinks(std::size_t count, std::size_t at_kink,
                                          std::int64_t* excluded) {
  std::vector<double> x(count), dx(count), o(count), d_o(count);
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = i < at_kink ? GradientCheck::step / 3 : (i % 2 == 0 ? 1.0 : -1.0);
  }
  GradientCheck check(5);
  check.variable("x", x, dx);
  check.output(o, d_o);
  check.relu(o);
  auto verdict = check.run(
      [&] {
        for (std::size_t i = 0; i < count; ++i) o[i] = x[i] > 0 ? x[i] : 0;
      },
      [&] {
        for (std::size_t i = 0; i < count; ++i) dx[i] = x[i] > 0 ? d_o[i] : 0;
      });
  *excluded = check.excluded();
  return verdict;
}

TEST(GradientCheck, LeavesOutAndCountsKinksUpToOnePercent) {
  std::int64_t excluded = 0;
  EXPECT_TRUE(check_near_kinks(300, 3, &excluded));
  EXPECT_EQ(excluded, 3);
  EXPECT_FALSE(check_near_kinks(300, 4, &excluded));
  EXPECT_EQ(excluded, 4);
  EXPECT_FALSE(check_near_kinks(1, 1, &excluded));
}

TEST(GradientCheck, RestoresTheVariables) {
  Toy toy;
  const auto before = toy.w;
  GradientCheck check(11);
  toy.declare(check);
  EXPECT_TRUE(check.run([&] { toy.forward(); }, [&] { toy.backward(Fault::none); }));
  EXPECT_EQ(toy.w, before);
}

}  // namespace
}  // namespace icl::test
