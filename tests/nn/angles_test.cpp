#include "icl/nn/angles.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace icl::nn {
namespace {

TEST(Angles, AreThoseOfTheFormula) {
  for (const std::int64_t width : {1, 2, 5, 64}) {
    const Angles angles(3000, width);
    ASSERT_EQ(angles.cos.extent(1), (width + 1) / 2);
    const double bound = sizeof(Real) == sizeof(double) ? 1e-11 : 2e-7;
    for (std::int64_t t = 0; t < 3000; ++t) {
      for (std::int64_t i = 0; i < (width + 1) / 2; ++i) {
        const double angle =
            static_cast<double>(t) * std::pow(10000.0, -2.0 * double(i) / double(width));
        ASSERT_NEAR(angles.cos.row(t)[i], std::cos(angle), bound) << t << ' ' << i;
        ASSERT_NEAR(angles.sin.row(t)[i], std::sin(angle), bound) << t << ' ' << i;
      }
    }
  }
}

TEST(Angles, TurningForthAndBackChangesNothing) {
  const Angles angles(10, 6);
  const std::vector<Real> v{1, 2, 3, 4, 5, 6};
  std::vector<Real> w = v;
  turn(angles, 7, Turn::forth, w.data());
  EXPECT_GT(std::abs(w[0] - v[0]), 0.1);
  double squares = 0;
  for (const Real x : w) squares += double{x} * x;
  EXPECT_NEAR(squares, 91, 1e-4);
  turn(angles, 7, Turn::back, w.data());
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(w[i], v[i], 1e-5);
}

}  // namespace
}  // namespace icl::nn
