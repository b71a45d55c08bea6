#include "icl/nn/token_norm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "icl/core/simd.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"
#include "support/rounding.hpp"
#include "support/rounding_error.hpp"

namespace icl::nn {
namespace {

namespace reference = test::reference;
using reference::Vector;

// D + 1 below, at and above a multiple of the 16 lanes.
constexpr std::int64_t dimensions[] = {1, 2, 7, 14, 15, 16, 31, 63, 64};

std::vector<float> normal_item(std::int64_t dimension, std::uint64_t seed) {
  std::vector<float> x(static_cast<std::size_t>(dimension));
  test::fill_normal(std::span(x), seed, 1 / std::sqrt(static_cast<double>(dimension)));
  return x;
}

Tensor encode(const TokenNorm& norm, std::span<const float> x, int label) {
  Tensor row({norm.reduced_width()});
  std::ranges::fill(row.values(), std::numeric_limits<Real>::quiet_NaN());
  norm.encode(x, label, row.data());
  return row;
}

Tensor expand(const TokenNorm& norm, const Tensor& row) {
  Tensor n({norm.width()});
  norm.expand(row.data(), n.data());
  return n;
}

TEST(TokenNorm, HasUnitGainZeroBiasAndTheirNames) {
  const TokenNorm norm("to_embedding.0", 63);
  EXPECT_EQ(norm.gain.name, "to_embedding.0.weight");
  EXPECT_EQ(norm.bias.name, "to_embedding.0.bias");
  EXPECT_EQ(norm.gain.group, Group::attention);
  EXPECT_EQ(norm.bias.group, Group::attention);
  EXPECT_EQ(norm.width(), 65);
  EXPECT_EQ(norm.reduced_width(), 64);
  EXPECT_TRUE(std::ranges::all_of(norm.gain.value.values(), [](Real x) { return x == 1; }));
  EXPECT_TRUE(std::ranges::all_of(norm.bias.value.values(), [](Real x) { return x == 0; }));
}

TEST(TokenNorm, EncodeIsLayerNormOfItemAndOneHotLabel) {
  for (const std::int64_t d : dimensions) {
    const TokenNorm norm("norm", d);
    EXPECT_EQ(norm.reduced_width(), simd::padded(d + 1));
    const auto x = normal_item(d, 1);
    for (const int label : {-1, 0, 1}) {
      const Vector expected = reference::normalise(reference::token(x, label));
      const auto rounded = reference::rounded_expand(reference::rounded_encode(x, label));
      const Tensor n = expand(norm, encode(norm, x, label));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double tolerance = reference::tolerance(rounded[i], std::abs(expected[i]));
        EXPECT_NEAR(n[static_cast<std::int64_t>(i)], expected[i], tolerance)
            << "D = " << d << ", label " << label << ", entry " << i;
        EXPECT_LT(tolerance, 1e-4) << "too loose to be a test";
      }
    }
  }
}

// -1 is [1, 0] and +1 is [0, 1]: the hot entry is the larger one of n, and without a label they are
// equal.
TEST(TokenNorm, EncodesTheLabelInTheLastTwoEntries) {
  const TokenNorm norm("norm", 7);
  const auto x = normal_item(7, 1);
  const Tensor minus = expand(norm, encode(norm, x, -1));
  const Tensor plus = expand(norm, encode(norm, x, 1));
  const Tensor none = expand(norm, encode(norm, x, 0));
  EXPECT_GT(minus[7], minus[8]);
  EXPECT_LT(plus[7], plus[8]);
  EXPECT_EQ(none[7], none[8]);
}

TEST(TokenNorm, PadsReducedRowsWithZeros) {
  const TokenNorm norm("norm", 16);  // 17 of 32 numbers are used
  const Tensor encoded = encode(norm, normal_item(16, 1), 1);
  Tensor reduced({norm.reduced_width()});
  std::ranges::fill(reduced.values(), std::numeric_limits<Real>::quiet_NaN());
  const Tensor v = test::normal_tensor({norm.width()}, 2);
  norm.reduce(v.data(), reduced.data());
  for (std::int64_t i = 17; i < norm.reduced_width(); ++i) {
    EXPECT_EQ(encoded[i], 0);
    EXPECT_EQ(reduced[i], 0);
  }
}

TEST(TokenNorm, ExpandAndReduceAreAdjoint) {
  for (const std::int64_t d : dimensions) {
    const TokenNorm norm("norm", d);
    const Tensor v = test::normal_tensor({norm.width()}, 2);
    Tensor r({norm.reduced_width()});
    test::fill_normal(r.values().first(static_cast<std::size_t>(d + 1)), 3);
    const Tensor e_r = expand(norm, r);
    Tensor et_v({norm.reduced_width()});
    norm.reduce(v.data(), et_v.data());
    double left = 0, right = 0, magnitude = 0, r_sum = 0;
    for (std::int64_t i = 0; i < norm.width(); ++i) left += double{v[i]} * e_r[i];
    for (std::int64_t i = 0; i <= d; ++i) {
      right += double{et_v[i]} * r[i];
      r_sum += std::abs(double{r[i]});
    }
    for (std::int64_t i = 0; i < d; ++i) magnitude += std::abs(double{v[i]} * r[i]);
    magnitude += (std::abs(double{v[d]}) + std::abs(double{v[d + 1]})) / 2 * r_sum;
    // expand sums D + 1 numbers, reduce 3; the products above are exact enough in double.
    EXPECT_NEAR(left, right, test::sum_tolerance(3 * d + 12, magnitude)) << "D = " << d;
    EXPECT_GT(std::abs(left), 100 * test::sum_tolerance(3 * d + 12, magnitude)) << "no test";
  }
}

TEST(TokenNorm, ExpandedEntriesAddUpToZeroAndDifferByTheLastOfTheRow) {
  for (const std::int64_t d : dimensions) {
    const TokenNorm norm("norm", d);
    Tensor r({norm.reduced_width()});
    test::fill_normal(r.values().first(static_cast<std::size_t>(d + 1)), 3);
    const Tensor n = expand(norm, r);
    double sum = 0, magnitude = 0;
    for (const Real x : n.values()) {
      sum += x;
      magnitude += std::abs(double{x});
    }
    EXPECT_NEAR(sum, 0, test::sum_tolerance(2 * d + 4, magnitude));
    EXPECT_NEAR(n[d + 1] - n[d], r[d], test::sum_tolerance(2 * d + 4, magnitude));
    EXPECT_TRUE(std::equal(n.data(), n.data() + d, r.data()));
  }
}

// ---- the scalar label code ----------------------------------------------------------------------

TEST(ScalarTokenNorm, HasOneEntryForTheLabel) {
  const TokenNorm norm("norm", 63, LabelCode::scalar);
  EXPECT_EQ(norm.width(), 64);
  EXPECT_EQ(norm.bias.value.size(), 64);
  EXPECT_EQ(norm.reduced_width(), 64);
  EXPECT_EQ(TokenNorm("norm", 64, LabelCode::scalar).reduced_width(), 80);
}

TEST(ScalarTokenNorm, EncodeIsLayerNormOfItemAndLabel) {
  for (const std::int64_t d : dimensions) {
    const TokenNorm norm("norm", d, LabelCode::scalar);
    EXPECT_EQ(norm.reduced_width(), simd::padded(d + 1));
    const auto x = normal_item(d, 1);
    for (const int label : {-1, 0, 1}) {
      const Vector expected = reference::normalise(reference::token(x, label, LabelCode::scalar));
      const auto rounded = reference::rounded_encode(x, label, LabelCode::scalar);
      const Tensor row = encode(norm, x, label);
      const Tensor n = expand(norm, row);
      ASSERT_EQ(n.size(), static_cast<std::int64_t>(expected.size()));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double tolerance = reference::tolerance(rounded[i], std::abs(expected[i]));
        EXPECT_NEAR(n[static_cast<std::int64_t>(i)], expected[i], tolerance)
            << "D = " << d << ", label " << label << ", entry " << i;
        EXPECT_LT(tolerance, 1e-4) << "too loose to be a test";
      }
      for (std::int64_t i = d + 1; i < norm.reduced_width(); ++i) EXPECT_EQ(row[i], 0);
    }
  }
}

// The row is n itself, and so are both maps but for the padding.
TEST(ScalarTokenNorm, ExpandAndReduceAreAdjoint) {
  for (const std::int64_t d : dimensions) {
    const TokenNorm norm("norm", d, LabelCode::scalar);
    const Tensor v = test::normal_tensor({norm.width()}, 2);
    Tensor r({norm.reduced_width()});
    test::fill_normal(r.values().first(static_cast<std::size_t>(d + 1)), 3);
    const Tensor e_r = expand(norm, r);
    Tensor et_v({norm.reduced_width()});
    std::ranges::fill(et_v.values(), std::numeric_limits<Real>::quiet_NaN());
    norm.reduce(v.data(), et_v.data());
    double left = 0, right = 0;
    for (std::int64_t i = 0; i < norm.width(); ++i) left += double{v[i]} * e_r[i];
    for (std::int64_t i = 0; i < norm.reduced_width(); ++i) right += double{et_v[i]} * r[i];
    EXPECT_EQ(left, right) << "D = " << d;  // the same products in the same order
    EXPECT_NE(left, 0);
    for (std::int64_t i = d + 1; i < norm.reduced_width(); ++i) EXPECT_EQ(et_v[i], 0);
  }
}

TEST(TokenNorm, AffineIsGainTimesPlusBias) {
  TokenNorm norm("norm", 16);
  test::fill_normal(norm.gain.value.values(), 1);
  test::fill_normal(norm.bias.value.values(), 2);
  const Tensor n = test::normal_tensor({norm.width()}, 3);
  Tensor t({norm.width()});
  norm.affine(n.data(), t.data());
  for (std::int64_t i = 0; i < norm.width(); ++i) {
    EXPECT_EQ(t[i], std::fma(norm.gain.value[i], n[i], norm.bias.value[i]));
  }
}

}  // namespace
}  // namespace icl::nn
