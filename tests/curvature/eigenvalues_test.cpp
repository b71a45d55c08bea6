#include "icl/curvature/eigenvalues.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "support/same_bits.hpp"

namespace icl::curvature {
namespace {

Product diagonal(Vector entries) {
  return [entries = std::move(entries)](std::span<const double> v, std::span<double> out) {
    for (std::size_t i = 0; i < v.size(); ++i) out[i] = entries[i] * v[i];
  };
}

TEST(Eigenvalues, OfATridiagonalMatrixAreThoseInClosedForm) {
  // 2 on the diagonal and -1 beside it: 2 - 2 cos(k pi / (m + 1)).
  constexpr int m = 25;
  const Tridiagonal t = solve_tridiagonal(Vector(m, 2), Vector(m - 1, -1));
  ASSERT_EQ(t.eigenvalues.size(), m);
  for (int k = 1; k <= m; ++k) {
    const double angle = k * std::numbers::pi / (m + 1);
    const auto i = static_cast<std::size_t>(k - 1);
    EXPECT_NEAR(t.eigenvalues[i], 2 - 2 * std::cos(angle), 1e-13);
    EXPECT_NEAR(std::abs(t.last[i]), std::abs(std::sqrt(2.0 / (m + 1)) * std::sin(m * angle)),
                1e-12);
  }
}

TEST(Eigenvalues, OfAKnownSpectrumAreFoundWithinTheirErrors) {
  Vector spectrum(20000);
  for (std::size_t i = 0; i < spectrum.size(); ++i) spectrum[i] = 1e-4 * double(i % 1000);
  spectrum[17] = 9;
  spectrum[400] = 7;
  spectrum[19999] = 3;
  spectrum[5] = -2;
  const Eigenvalues found =
      top_eigenvalues(diagonal(spectrum), 20000, {.count = 3, .tolerance = 1e-6}, Workers(2));
  ASSERT_EQ(found.top.size(), 3);
  const Vector expected{9, 7, 3};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(found.top[i], expected[i], 1e-9);
    EXPECT_LE(std::abs(found.top[i] - expected[i]), found.error[i] + 1e-12);
    EXPECT_LE(found.error[i], 1e-6 * 9);
  }
  EXPECT_NEAR(found.least, -2, 1e-3);
  EXPECT_GE(found.least, -2 - 1e-12);
  EXPECT_LT(found.products, 60);
}

// The first vector, of signs, has almost nothing of the third: at first 0.01, which the rest comes
// up to, is in its place.
TEST(Eigenvalues, AreNotThoseOfLowerRankThatComeFirst) {
  constexpr std::size_t d = 10000;
  constexpr std::size_t a = 5;
  constexpr std::size_t b = 7;
  Vector spectrum(d);
  for (std::size_t i = 0; i < d; ++i) spectrum[i] = 0.01 * double(i) / double(d);
  spectrum[1] = 1;
  spectrum[3] = 0.9;
  Vector first(d);
  draw_signs(0, 0, first);
  const double x = first[a] / std::sqrt(2);
  const double y = -0.999 * first[b] / std::sqrt(2);
  const Product product = [&](std::span<const double> v, std::span<double> out) {
    diagonal(spectrum)(v, out);
    const double along = x * v[a] + y * v[b];
    out[a] += 0.03 * along * x;
    out[b] += 0.03 * along * y;
  };
  const auto found = top_eigenvalues(product, d, {.count = 3}, Workers(2));
  EXPECT_NEAR(found.top[2], 0.03, 1e-3);
  EXPECT_LT(found.products, 20);
}

TEST(Eigenvalues, AreAllFoundWhereTheMatrixIsSmallOrHasEqualOnes) {
  const auto one = top_eigenvalues(diagonal({-3}), 1, {}, Workers(1));
  EXPECT_EQ(one.top, Vector{-3});
  EXPECT_EQ(one.least, -3);
  // The process ends after two steps, since there are but two different eigenvalues.
  const auto four = top_eigenvalues(diagonal({2, 2, 2, 1}), 4, {.count = 4}, Workers(1));
  ASSERT_EQ(four.top.size(), 4);
  EXPECT_NEAR(four.top[0], 2, 1e-12);
  EXPECT_NEAR(four.top[2], 2, 1e-12);
  EXPECT_NEAR(four.top[3], 1, 1e-12);
  const auto nothing = top_eigenvalues(diagonal(Vector(6, 0)), 6, {.count = 2}, Workers(1));
  EXPECT_EQ(nothing.top, (Vector{0, 0}));
}

TEST(Eigenvalues, HaveTheSameBitsForAnyNumberOfWorkers) {
  Vector spectrum(50000);
  for (std::size_t i = 0; i < spectrum.size(); ++i) spectrum[i] = std::sin(double(i));
  const auto find = [&](int threads) {
    return top_eigenvalues(diagonal(spectrum), 50000, {.most = 20}, Workers(threads));
  };
  const Eigenvalues one = find(1);
  for (const int threads : {2, 3, 8}) {
    const Eigenvalues several = find(threads);
    EXPECT_EQ(several.top, one.top);
    EXPECT_EQ(several.error, one.error);
    EXPECT_EQ(several.least, one.least);
  }
}

}  // namespace
}  // namespace icl::curvature
