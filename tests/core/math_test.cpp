#include "icl/core/math.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <random>
#include <type_traits>

// Largest errors measured here (g++ 12.2; the functions have the same bits everywhere), in ulp of
// the correctly rounded result: exp(float) 1.01, exp(double) 0.99, log1p_unit 2.80, log 0.82, sin
// 0.71, cos 1.23.

namespace icl::math {
namespace {

/// |got - exact| in units of the last place of `exact`, a normal number.
template <class T>
double ulp_error(T got, long double exact) {
  int exponent = 0;
  (void)std::frexp(exact, &exponent);
  const long double ulp = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs(static_cast<long double>(got) - exact) / ulp);
}

template <class T>
struct Worst {
  double error = 0;
  T x{};
  void see(double e, T at) {
    if (!(e <= error)) {  // NaN counts
      error = e;
      x = at;
    }
  }
};

/// Calls check(x) for about one in `stride` of the floats from low to high, 0 < low < high.
template <class Check>
void for_floats(float low, float high, std::uint32_t stride, const Check& check) {
  for (auto b = std::bit_cast<std::uint32_t>(low); b <= std::bit_cast<std::uint32_t>(high);
       b += stride) {
    check(std::bit_cast<float>(b));
  }
}

template <class T>
T next(T x) {
  return std::nextafter(x, std::numeric_limits<T>::infinity());
}

constexpr float nan_f = std::numeric_limits<float>::quiet_NaN();
constexpr double nan_d = std::numeric_limits<double>::quiet_NaN();
constexpr float inf_f = std::numeric_limits<float>::infinity();
constexpr double inf_d = std::numeric_limits<double>::infinity();

TEST(ExpFloat, IsWithinTwoUlpAndRises) {
  Worst<float> worst;
  for_floats(0x1p-30F, 88.0F, 211, [&](float magnitude) {
    for (const float x : {magnitude, -magnitude}) {
      if (x < -87.0F) continue;
      const float y = math::exp(x);
      worst.see(ulp_error(y, std::exp(static_cast<long double>(x))), x);
      ASSERT_LE(y, math::exp(next(x))) << x;
    }
  });
  EXPECT_LT(worst.error, 1.1) << worst.x;
}

TEST(ExpFloat, HasItsEdges) {
  EXPECT_EQ(math::exp(0.0F), 1.0F);
  EXPECT_EQ(math::exp(-0.0F), 1.0F);
  EXPECT_EQ(math::exp(std::numeric_limits<float>::denorm_min()), 1.0F);
  EXPECT_GE(math::exp(-87.0F), std::numeric_limits<float>::min());
  EXPECT_EQ(math::exp(std::nextafter(-87.0F, -inf_f)), 0.0F);
  EXPECT_EQ(math::exp(-1e30F), 0.0F);
  EXPECT_EQ(math::exp(-inf_f), 0.0F);
  EXPECT_LT(math::exp(88.0F), inf_f);
  EXPECT_TRUE(std::isnan(math::exp(nan_f)));
  EXPECT_TRUE(std::isnan(math::exp(-nan_f)));
  EXPECT_TRUE(std::isnan(math::exp(std::bit_cast<float>(0x7fc12345U))));
}

TEST(ExpDouble, IsWithinOneUlpAndRises) {
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> all(-708, 709);
  std::uniform_real_distribution<double> centre(-2, 2);
  Worst<double> worst;
  for (int i = 0; i < 1'000'000; ++i) {
    for (const double x : {all(generator), centre(generator), 1e-3 * centre(generator)}) {
      const double y = math::exp(x);
      worst.see(ulp_error(y, std::exp(static_cast<long double>(x))), x);
      ASSERT_LE(y, math::exp(next(x))) << x;
    }
  }
  EXPECT_LT(worst.error, 1.1) << worst.x;
}

TEST(ExpDouble, HasItsEdges) {
  EXPECT_EQ(math::exp(0.0), 1.0);
  EXPECT_EQ(math::exp(std::numeric_limits<double>::denorm_min()), 1.0);
  EXPECT_GE(math::exp(-708.0), std::numeric_limits<double>::min());
  EXPECT_EQ(math::exp(std::nextafter(-708.0, -inf_d)), 0.0);
  EXPECT_EQ(math::exp(-inf_d), 0.0);
  EXPECT_LT(math::exp(709.0), inf_d);
  EXPECT_TRUE(std::isnan(math::exp(nan_d)));
  EXPECT_TRUE(std::isnan(math::exp(-nan_d)));
}

TEST(Log1pUnit, IsWithinThreeUlpAndRises) {
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  Worst<double> worst;
  for (int i = 0; i < 500'000; ++i) {
    const double u = uniform(generator);
    for (const double x : {u, 1 - 1e-3 * u, std::exp(-700 * u)}) {
      const double y = log1p_unit(x);
      worst.see(ulp_error(y, std::log1p(static_cast<long double>(x))), x);
      // It may fall by an ulp or two from one number to the next, but not over eight.
      ASSERT_LE(y, log1p_unit(x * (1 + 0x1p-49))) << x;
    }
  }
  EXPECT_LT(worst.error, 3.0) << worst.x;
}

TEST(Log1pUnit, HasItsEdges) {
  EXPECT_EQ(log1p_unit(0.0), 0.0);
  EXPECT_EQ(log1p_unit(0x1p-60), 0x1p-60);
  EXPECT_NEAR(log1p_unit(1.0), std::numbers::ln2, 2.3e-16);
  EXPECT_TRUE(std::isnan(log1p_unit(nan_d)));
  // The loss at a margin of 0 is ln 2, and at -708 or beyond it is the margin itself.
  EXPECT_EQ(log1p_unit(math::exp(-800.0)), 0.0);
}

TEST(LogFloat, IsWithinTwoUlpAndRises) {
  Worst<float> worst;
  const auto check = [&](float x) {
    const float y = math::log(x);
    if (x != 1) worst.see(ulp_error(y, std::log(static_cast<long double>(x))), x);
    ASSERT_LE(y, math::log(next(x))) << x;
  };
  for_floats(std::numeric_limits<float>::min(), std::numeric_limits<float>::max() / 2, 1999, check);
  for_floats(0.5F, 2.0F, 23, check);
  EXPECT_LT(worst.error, 1.0) << worst.x;
  EXPECT_EQ(math::log(1.0F), 0.0F);
}

TEST(LogDouble, IsWithinItsAbsoluteError) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-1022, 1023);
  std::uniform_real_distribution<double> near_one(0.5, 2);
  for (int i = 0; i < 200'000; ++i) {
    const double x = i % 2 == 0 ? std::exp2(exponent(random)) : near_one(random);
    const auto exact = static_cast<double>(std::log(static_cast<long double>(x)));
    ASSERT_NEAR(math::log(x), exact, 4e-16 * (1 + std::abs(std::log2(x)))) << x;
  }
  EXPECT_EQ(math::log(1.0), 0.0);
  EXPECT_EQ(math::log(4.0), 2 * std::numbers::ln2);
}

TEST(Logistic, IsWithinThreeUlpOnBothSides) {
  for (double x = -700; x <= 700; x += 0x1.3p-6) {
    const long double exact = 1 / (1 + std::exp(-static_cast<long double>(x)));
    ASSERT_LT(ulp_error(logistic(x), exact), 3.0) << x;
  }
  EXPECT_EQ(logistic(0.0), 0.5);
  EXPECT_EQ(logistic(inf_d), 1.0);
  EXPECT_EQ(logistic(-inf_d), 0.0);
  EXPECT_TRUE(std::isnan(logistic(nan_d)));
}

TEST(SincosOctant, AreWithinAnUlpAndAHalfAndRise) {
  Worst<float> sine, cosine;
  constexpr auto quarter_pi = static_cast<float>(std::numbers::pi / 4);
  for_floats(0x1p-30F, quarter_pi, 101, [&](float magnitude) {
    for (const float t : {magnitude, -magnitude}) {
      const auto [s, c] = sincos_octant(t);
      sine.see(ulp_error(s, std::sin(static_cast<long double>(t))), t);
      cosine.see(ulp_error(c, std::cos(static_cast<long double>(t))), t);
      ASSERT_LE(s, sincos_octant(next(t)).sin) << t;
      ASSERT_EQ(s, -sincos_octant(-t).sin) << t;
      ASSERT_EQ(c, sincos_octant(-t).cos) << t;
    }
  });
  EXPECT_LT(sine.error, 1.0) << sine.x;
  EXPECT_LT(cosine.error, 1.5) << cosine.x;
  EXPECT_EQ(sincos_octant(0.0F).sin, 0.0F);
  EXPECT_EQ(sincos_octant(0.0F).cos, 1.0F);
  EXPECT_TRUE(std::isnan(sincos_octant(nan_f).sin) && std::isnan(sincos_octant(nan_f).cos));
}

TEST(CosQuarter, IsWithinItsAbsoluteError) {
  constexpr int points = 100'000;
  for (int i = -points; i <= points; ++i) {
    const double t = std::numbers::pi / 2 * i / points;
    ASSERT_LT(std::abs(cos_quarter(t) - std::cos(static_cast<long double>(t))), 2e-16L) << t;
  }
  EXPECT_EQ(cos_quarter(0.0), 1.0);
  EXPECT_TRUE(std::isnan(cos_quarter(nan_d)));
}

/// FNV-1a over the bits of what it is given.
class Hash {
 public:
  template <class T>
  void add(T x) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    hash_ = (hash_ ^ std::bit_cast<Bits>(x)) * 0x100000001b3ULL;
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

// The bits are part of the numerics: of runs, and of the promise that they are the same on every
// CPU and at every level of optimisation. Recipe: printed by this test, whose functions the tests
// above hold against libm; ten thousand arguments each, as below.
TEST(Math, HasTheBitsItAlwaysHad) {
  Hash exp_float, exp_double, log1p, log_float, sine, cosine;
  for (int i = 0; i < 10'000; ++i) {
    exp_float.add(math::exp(static_cast<float>(i - 5000) * 0x1.1p-6F));
    exp_double.add(math::exp(static_cast<double>(i - 5000) * 0x1.1p-3));
    log1p.add(log1p_unit(i * 0x1.5p-14));
    log_float.add(math::log(static_cast<float>(i + 1) * 0x1.5p-12F));
    const auto [s, c] = sincos_octant(static_cast<float>(i - 5000) * 0x1.4p-13F);
    sine.add(s);
    cosine.add(c);
  }
  EXPECT_EQ(exp_float.value(), 0x221a1a8bbc77dbe1U);
  EXPECT_EQ(exp_double.value(), 0x510faef85e712e34U);
  EXPECT_EQ(log1p.value(), 0x98e59a4f648ac50dU);
  EXPECT_EQ(log_float.value(), 0xdf440d0ee1be754dU);
  EXPECT_EQ(sine.value(), 0xcd389d6664478035U);
  EXPECT_EQ(cosine.value(), 0x7e08c9622d73b925U);
}

}  // namespace
}  // namespace icl::math
