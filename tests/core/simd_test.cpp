#include "icl/core/simd.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

namespace icl::simd {
namespace {

constexpr std::int64_t longest = 70;

template <class T>
auto bits(T x) {
  return std::bit_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(x);
}

/// Numbers of many magnitudes, so that another order of adding them gives other bits.
template <class T>
std::vector<T> rough_numbers(unsigned int seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> mantissa(-2, 2);
  std::uniform_int_distribution<int> exponent(-6, 6);
  std::vector<T> numbers(longest + 1);
  for (T& x : numbers) x = static_cast<T>(std::ldexp(mantissa(generator), exponent(generator)));
  return numbers;
}

/// Integers so small that every sum of products is exact in any order.
template <class T>
std::vector<T> small_integers(unsigned int seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> integer(-50, 50);
  std::vector<T> numbers(longest + 1);
  for (T& x : numbers) x = static_cast<T>(integer(generator));
  return numbers;
}

/// The order that the header promises, written out: lane i adds elements i, i + 16, ... by fused
/// multiply-adds; lanes are added in halves, 8 + 8, 4 + 4, 2 + 2, 1 + 1.
template <class T>
T dot_in_order(const T* a, const T* b, std::int64_t n) {
  std::array<T, 16> lane{};
  for (std::int64_t i = 0; i < n; ++i) {
    T& s = lane[static_cast<std::size_t>(i % 16)];
    s = std::fma(a[i], b[i], s);
  }
  for (std::size_t half : {8U, 4U, 2U, 1U}) {
    for (std::size_t i = 0; i < half; ++i) lane[i] = lane[i] + lane[i + half];
  }
  return lane[0];
}

template <class T>
class SimdTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(SimdTest, Types);

TYPED_TEST(SimdTest, FourDotsHaveTheBitsOfOne) {
  using T = TypeParam;
  const auto v = rough_numbers<T>(1);
  std::array<std::vector<T>, 4> rows;
  for (unsigned int k = 0; k < 4; ++k) rows[k] = rough_numbers<T>(2 + k);
  for (std::int64_t n = 0; n <= longest; n += lanes) {
    std::array<T, 4> out{};
    dots(v.data(), {rows[0].data(), rows[1].data(), rows[2].data(), rows[3].data()}, n, out.data());
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(bits(out[k]), bits(dot(v.data(), rows[k].data(), n))) << n;
    }
  }
}

TYPED_TEST(SimdTest, ReadsNothingBehindTheEnd) {
  using T = TypeParam;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  // The second of two pages cannot be read: to touch it is SIGSEGV.
  void* const pages =
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(mprotect(static_cast<char*>(pages) + page, page, PROT_NONE), 0);
  const T* const end = static_cast<T*>(pages) + page / sizeof(T);
  for (std::int64_t n = 0; n <= longest; ++n) {
    EXPECT_EQ(dot(end - n, end - n, n), T{0});
    EXPECT_EQ(simd::sum(end - n, n), T{0});
  }
  munmap(pages, 2 * page);
}

TYPED_TEST(SimdTest, DotAndSumAreExactOnIntegers) {
  using T = TypeParam;
  for (unsigned int seed = 0; seed < 20; ++seed) {
    const auto a = small_integers<T>(2 * seed);
    const auto b = small_integers<T>(2 * seed + 1);
    T product{0};
    T total{0};
    for (std::int64_t n = 0; n <= longest; ++n) {
      ASSERT_EQ(dot(a.data(), b.data(), n), product) << n;
      ASSERT_EQ(simd::sum(a.data(), n), total) << n;
      product += a[static_cast<std::size_t>(n)] * b[static_cast<std::size_t>(n)];
      total += a[static_cast<std::size_t>(n)];
    }
  }
}

TYPED_TEST(SimdTest, AddInTheFixedOrder) {
  using T = TypeParam;
  const std::vector<T> ones(longest, T{1});
  std::int64_t order_matters = 0;
  for (unsigned int seed = 0; seed < 50; ++seed) {
    const auto a = rough_numbers<T>(2 * seed);
    const auto b = rough_numbers<T>(2 * seed + 1);
    for (std::int64_t n = 0; n <= longest; ++n) {
      const T expected = dot_in_order(a.data(), b.data(), n);
      ASSERT_EQ(bits(dot(a.data(), b.data(), n)), bits(expected)) << n;
      ASSERT_EQ(bits(simd::sum(a.data(), n)), bits(dot_in_order(a.data(), ones.data(), n))) << n;
      T in_turn{0};
      for (std::int64_t i = 0; i < n; ++i) {
        in_turn = std::fma(a[static_cast<std::size_t>(i)], b[static_cast<std::size_t>(i)], in_turn);
      }
      if (bits(in_turn) != bits(expected)) ++order_matters;
    }
  }
  EXPECT_GT(order_matters, 1000);  // else this test could not tell one order from another
}

TYPED_TEST(SimdTest, DoNotNeedAlignment) {
  using T = TypeParam;
  const auto a = rough_numbers<T>(1);
  const auto b = rough_numbers<T>(2);
  for (std::int64_t shift = 0; shift < 16; ++shift) {
    const T expected = dot_in_order(a.data() + shift, b.data() + 1, 37);
    EXPECT_EQ(bits(dot(a.data() + shift, b.data() + 1, 37)), bits(expected));
  }
}

TYPED_TEST(SimdTest, PackLoadsStoresAndBroadcasts) {
  using T = TypeParam;
  const auto a = rough_numbers<T>(3);
  std::vector<T> out(lanes + 2, T{9});
  Pack<T>::load(a.data() + 1).store(out.data() + 1);
  EXPECT_EQ(out.front(), T{9});
  EXPECT_EQ(out.back(), T{9});
  for (std::size_t i = 1; i <= lanes; ++i) EXPECT_EQ(out[i], a[i]);
  Pack<T>::broadcast(T{4}).store(out.data());
  for (std::size_t i = 0; i < lanes; ++i) EXPECT_EQ(out[i], T{4});
}

// (1 + e)^2 - (1 + 2 e) = e^2, which a product rounded on its own would lose.
TYPED_TEST(SimdTest, MultiplyAddRoundsOnce) {
  using T = TypeParam;
  constexpr T e = std::numeric_limits<T>::epsilon();
  const auto a = Pack<T>::broadcast(1 + e);
  std::array<T, lanes> out{};
  fma(a, a, Pack<T>::broadcast(-(1 + 2 * e))).store(out.data());
  for (const T x : out) EXPECT_EQ(x, e * e);
}

TYPED_TEST(SimdTest, NanInAnyLaneReachesTheSum) {
  using T = TypeParam;
  for (std::size_t i = 0; i < 35; ++i) {
    std::vector<T> a(35, T{1});
    a[i] = std::numeric_limits<T>::quiet_NaN();
    EXPECT_TRUE(std::isnan(simd::sum(a.data(), 35))) << i;
    EXPECT_TRUE(std::isnan(dot(a.data(), a.data(), 35))) << i;
  }
}

TYPED_TEST(SimdTest, AllFiniteSeesEveryPlace) {
  using T = TypeParam;
  for (std::size_t n = 0; n <= 150; ++n) {
    std::vector<T> a(n + 1, std::numeric_limits<T>::lowest());
    a.back() = std::numeric_limits<T>::quiet_NaN();  // behind the end
    const std::span<const T> x(a.data(), n);
    ASSERT_TRUE(all_finite(x)) << n;
    for (std::size_t i = 0; i < n; ++i) {
      for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                          -std::numeric_limits<T>::infinity()}) {
        a[i] = bad;
        ASSERT_FALSE(all_finite(x)) << n << ", " << i;
      }
      a[i] = std::numeric_limits<T>::max();
    }
    ASSERT_TRUE(all_finite(x)) << n;
  }
}

TEST(Padded, IsTheNextMultipleOfSixteen) {
  static_assert(padded(0) == 0 && padded(1) == 16 && padded(16) == 16 && padded(17) == 32);
  static_assert(padded(65) == 80);
}

}  // namespace
}  // namespace icl::simd
