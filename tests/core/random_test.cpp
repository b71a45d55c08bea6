#include "icl/core/random.hpp"

#include <Random123/philox.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

#include "core/statistics.hpp"

namespace icl {
namespace {

using testing::ElementsAre;

Stream training(std::uint64_t seed, std::uint64_t step = 0, std::uint64_t index = 0) {
  return {seed, Purpose::training_sequence, step, index};
}

std::vector<std::uint32_t> words_of(const Stream& stream, std::size_t count) {
  std::vector<std::uint32_t> words(count);
  stream.words(0, words);
  return words;
}

std::vector<float> normals_of(const Stream& stream, std::size_t count) {
  std::vector<float> x(count);
  stream.normals(x);
  return x;
}

// --- The generator ---

// Random123's tests/kat_vectors, lines "philox4x32 10 counter[4] key[2] result[4]". A stream's
// counter is (retry << 24 | block, index, step, purpose), its key the seed, low word first.
TEST(Stream, PassesThePublishedKnownAnswers) {
  EXPECT_THAT(Stream(0, Purpose{0}, 0, 0).block(0),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(
      Stream(0xffffffffffffffff, Purpose{0xffffffff}, 0xffffffff, 0xffffffff).block(0xffffff, 0xff),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Stream(0x299f31d0a4093822, Purpose{0x03707344}, 0x13198a2e, 0x85a308d3).block(0x3f6a88, 0x24),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

// Recipe: Philox4x32-10 (fifteen lines of Python that pass the known answers above) of the counters
// (0, 7, 5, 6) and (1, 7, 5, 6) under the key (0x89abcdef, 0x01234567).
TEST(Stream, HasTheWordsItAlwaysHad) {
  EXPECT_THAT(words_of(training(0x0123456789abcdef, 5, 7), 8),
              ElementsAre(0xd051b302, 0xb02f5d52, 0xd20bc153, 0x9510bffc, 0x22581342, 0xd5dd6f5d,
                          0xbeb206aa, 0xa4979c29));
}

TEST(Stream, BlocksAreRandom123s) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::uint64_t seed = 0x9e3779b97f4a7c15ULL * i;
    const std::uint32_t step = i * 2654435761U, index = i * 40503U, b = i * 16001U, retry = i % 256;
    const r123::Philox4x32::ctr_type counter = {{b | retry << 24U, index, step, 6}};
    const r123::Philox4x32::key_type key = {
        {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)}};
    const auto expected = r123::Philox4x32()(counter, key);
    const auto block = training(seed, step, index).block(b, retry);
    ASSERT_TRUE(std::ranges::equal(block, expected)) << i;
  }
}

TEST(Stream, WordsAreItsBlocksInOrder) {
  const Stream stream = training(0xfedcba9876543210, 3, 0xfffffff0);
  for (const std::size_t count : {0U, 1U, 3U, 4U, 5U, 63U, 64U, 65U, 128U, 1000U}) {
    // One word more, to see that nothing is written behind the end.
    std::vector<std::uint32_t> words(count + 1, 12345);
    stream.words(0, std::span(words).first(count));
    for (std::size_t w = 0; w < count; ++w) {
      ASSERT_EQ(words[w], stream.block(static_cast<std::uint32_t>(w / 4))[w % 4]) << w;
    }
    EXPECT_EQ(words[count], 12345U);
  }
}

TEST(Stream, WordsBeginAtAnyGroup) {
  const Stream stream = training(7, 3, 9);
  const std::vector<std::uint32_t> all = words_of(stream, 5 * Stream::group);
  std::vector<std::uint32_t> some(100);
  stream.words(3 * Stream::group, some);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + 3 * Stream::group));
}

// Random words come twice with probability 2^-32 a pair, here 2e-6 over all pairs.
TEST(Stream, DiffersWithEachPartOfItsName) {
  std::set<std::uint64_t> first;
  std::size_t streams = 0;
  const auto add = [&](const Stream& stream) {
    const auto block = stream.block(0);
    first.insert(static_cast<std::uint64_t>(block[0]) << 32U | block[1]);
    ++streams;
  };
  add(training(1, 1, 1));
  for (std::uint32_t p = 1; p <= 10; ++p) {
    if (Purpose{p} != Purpose::training_sequence) add({1, Purpose{p}, 1, 1});
  }
  for (const std::uint64_t other :
       {0ULL, 2ULL, 3ULL, 0x100000000ULL, 0x100000001ULL, 0x1fffffffffffffULL}) {
    add(training(other, 1, 1));
  }
  for (const std::uint64_t other : {0ULL, 2ULL, 3ULL, 0xffffffffULL}) {
    add(training(1, other, 1));
    add(training(1, 1, other));
  }
  EXPECT_EQ(first.size(), streams);
  EXPECT_NE(training(1).block(0), training(1).block(1));
  EXPECT_NE(training(1).block(0), training(1).block(0, 1));
}

// --- below() ---

TEST(Below, IsUniform) {
  constexpr std::size_t draws = 200'000;
  for (const std::uint32_t bound : {1U, 2U, 3U, 5U, 6U, 7U, 10U, 63U, 64U, 100U}) {
    const Stream stream = training(bound);
    const auto words = words_of(stream, draws);
    std::vector<double> counts(bound);
    for (std::uint32_t i = 0; i < draws; ++i) {
      const std::uint32_t x = stream.below(bound, i, words[i]);
      ASSERT_LT(x, bound);
      ++counts[x];
    }
    if (bound == 1) continue;
    EXPECT_GT(test::uniform_p(counts), test::rare) << bound;
  }
}

TEST(Below, ReachesBothEnds) {
  const Stream stream = training(0);
  EXPECT_EQ(stream.below(1U << 31U, 0, 0), 0U);
  EXPECT_EQ(stream.below(1U << 31U, 0, 0xffffffff), (1U << 31U) - 1);
  EXPECT_EQ(stream.below(0xffffffff, 0, 0xffffffff), 0xfffffffeU);
}

// 2^32 = 3 x 2^30 + 2^30, so that a quarter of all words is rejected. Without the rejection,
// numbers divisible by three would come up twice as often as others.
TEST(Below, IsUniformWhereAQuarterOfTheWordsIsRejected) {
  constexpr std::uint32_t bound = 3U << 30U;
  constexpr std::uint32_t draws = 300'000;
  const Stream stream = training(4, 2, 1);
  const auto words = words_of(stream, draws);
  std::vector<double> cells(3 * 12), naive_cells(3 * 12), retries(6);
  const auto cell = [](std::uint64_t x) {
    return static_cast<std::size_t>(x % 3 * 12 + x / (bound / 12));
  };
  for (std::uint32_t i = 0; i < draws; ++i) {
    // The rule of the header, step by step: word w is accepted if the low half of w bound is at
    // least 2^32 mod bound; else the next retry of the same place is tried.
    std::uint32_t retry = 0;
    std::uint64_t product = std::uint64_t{words[i]} * bound;
    ++naive_cells[cell(product >> 32U)];
    while ((product & 0xffffffffU) < (1ULL << 32U) % bound) {
      product = std::uint64_t{stream.block(i / 4, ++retry)[i % 4]} * bound;
    }
    const std::uint32_t x = stream.below(bound, i, words[i]);
    ASSERT_EQ(x, product >> 32U);
    ++cells[cell(x)];
    ++retries[std::min(retry, 5U)];
  }
  EXPECT_GT(test::uniform_p(cells), test::rare);
  EXPECT_LT(test::uniform_p(naive_cells), 1e-100);  // this test can tell
  // The number of retries is geometric: 3/4 (1/4)^r.
  std::vector<double> expected;
  for (int r = 0; r < 5; ++r) expected.push_back(draws * 0.75 * std::pow(0.25, r));
  expected.push_back(draws * std::pow(0.25, 5));
  EXPECT_GT(test::fit_p(retries, expected), test::rare);
}

// --- normals() ---

// Variates 64 g + i, + 16, + 32 and + 48 are made of the words of block 16 g + i: r (cos a, sin a)
// with r of word 0 (2) and a of word 1 (3). Held against libm in double.
TEST(Normals, AreBoxMullerOfTheirBlocks) {
  const Stream stream = training(0xabcdef0123456789, 9, 4);
  const auto x = normals_of(stream, 64 * 50);
  for (std::size_t n = 0; n < x.size(); ++n) {
    const std::size_t place = n % 64;
    const auto block = stream.block(static_cast<std::uint32_t>(n / 64 * 16 + place % 16));
    const std::size_t pair = place / 32 * 2;
    const double r = std::sqrt(-2 * std::log(((block[pair] >> 8U) + 1) * 0x1p-24));
    // Two bits of quadrant q, thirty of angle: from -45 to 45 degrees beside q times 90.
    const double a = ((block[pair + 1] >> 30U) - 0.5 + (block[pair + 1] & 0x3fffffffU) * 0x1p-30) *
                     std::numbers::pi / 2;
    const double expected = place % 32 < 16 ? r * std::cos(a) : r * std::sin(a);
    ASSERT_NEAR(x[n], expected, 2e-6) << n;
  }
}

TEST(Normals, DoNotDependOnHowManyAreAskedFor) {
  const Stream stream = training(3);
  const auto all = normals_of(stream, 500);
  for (std::size_t count = 0; count < 200; ++count) {
    std::vector<float> x(count + 1, 99.0F);
    stream.normals(std::span(x).first(count));
    ASSERT_TRUE(std::equal(x.begin(), x.end() - 1, all.begin())) << count;
    ASSERT_EQ(x.back(), 99.0F);
  }
}

// Recipe: printed by this program, which the two tests above hold against Random123 and libm; the
// last bits are those of math::log and math::sincos_octant.
TEST(Normals, HaveTheBitsTheyAlwaysHad) {
  const auto x = normals_of(training(0x0123456789abcdef, 5, 7), 33);
  EXPECT_EQ(x[0], -0x1.2f2056p-1F);
  EXPECT_EQ(x[1], -0x1.f94e4p-2F);
  EXPECT_EQ(x[16], -0x1.fcb2f6p-3F);
  EXPECT_EQ(x[32], -0x1.368b36p-1F);
}

constexpr std::size_t sample_size = 2'000'000;

const std::vector<float>& sample() {
  static const std::vector<float> x = normals_of(training(17), sample_size);
  return x;
}

// Under the null hypothesis the sample moments have variances 1/n, 2/n, 6/n and 24/n. The 24-bit
// uniforms shift them by less than 1e-5.
TEST(Normals, HaveTheMomentsOfTheNormalLaw) {
  const auto n = static_cast<double>(sample_size);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (const double x : sample()) {
    m1 += x;
    m2 += x * x;
    m3 += x * x * x;
    m4 += x * x * x * x;
  }
  EXPECT_GT(test::normal_p(m1 / n * std::sqrt(n)), test::rare);
  EXPECT_GT(test::normal_p((m2 / n - 1) * std::sqrt(n / 2)), test::rare);
  const double skew = m3 / n - 3 * (m1 / n) * (m2 / n);
  EXPECT_GT(test::normal_p(skew * std::sqrt(n / 6)), test::rare);
  const double excess = m4 / n - 3 * (m2 / n) * (m2 / n);
  EXPECT_GT(test::normal_p(excess * std::sqrt(n / 24)), test::rare);
}

// Kolmogorov-Smirnov: P(sup |F_n - F| > d) = 2 exp(-2 n d^2) at its most.
TEST(Normals, HaveTheNormalDistribution) {
  std::vector<float> x = sample();
  std::ranges::sort(x);
  const auto n = static_cast<double>(x.size());
  double distance = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double cdf = 0.5 * std::erfc(-static_cast<double>(x[i]) / std::numbers::sqrt2);
    const auto rank = static_cast<double>(i);
    distance = std::max({distance, cdf - rank / n, (rank + 1) / n - cdf});
  }
  EXPECT_GT(2 * std::exp(-2 * n * distance * distance), test::rare) << distance;
}

// Tails: numbers of |x| > 3, 4 and 5 are Poisson, here compared on the normal scale of their root.
TEST(Normals, HaveTheTailsOfTheNormalLaw) {
  for (const double limit : {3.0, 4.0}) {
    const auto beyond = static_cast<double>(
        std::ranges::count_if(sample(), [&](float x) { return std::abs(x) > limit; }));
    EXPECT_GT(test::binomial_p(beyond, sample_size, test::normal_p(limit)), test::rare) << limit;
  }
  for (const float x : sample()) ASSERT_LT(std::abs(x), 5.77F);
}

// The correlations of x and of x^2 between each pair of the 64 places of a group over G groups are
// standard normal / sqrt(G); the largest of 2016 is held against rare / 2016.
TEST(Normals, AreUncorrelatedBetweenLanesAndPairs) {
  constexpr std::size_t lanes = 64;
  constexpr std::size_t groups = sample_size / lanes;
  const auto largest = [&](const auto& f) {
    std::vector<double> sums(lanes * lanes);
    std::vector<double> y(lanes);
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t i = 0; i < lanes; ++i) y[i] = f(sample()[g * lanes + i]);
      for (std::size_t i = 0; i < lanes; ++i) {
        for (std::size_t j = 0; j < i; ++j) sums[i * lanes + j] += y[i] * y[j];
      }
    }
    double most = 0;
    for (const double s : sums) most = std::max(most, std::abs(s));
    return most / std::sqrt(static_cast<double>(groups));
  };
  const double pairs = lanes * (lanes - 1) / 2;
  EXPECT_GT(pairs * test::normal_p(largest([](double x) { return x; })), test::rare);
  EXPECT_GT(pairs * test::normal_p(largest([](double x) { return (x * x - 1) / std::sqrt(2.0); })),
            test::rare);
}

// Products of the same variates of neighbouring streams: mean 0, variance 1.
TEST(Normals, OfNeighbouringStreamsAreUncorrelated) {
  const auto correlation = [](const auto& a, const auto& b) {
    constexpr std::uint64_t streams = 500;
    double sum = 0;
    for (std::uint64_t s = 0; s < streams; ++s) {
      const auto x = normals_of(a(s), 1024);
      const auto y = normals_of(b(s), 1024);
      for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * y[i];
    }
    return test::normal_p(sum / std::sqrt(1024.0 * streams));
  };
  const auto here = [](std::uint64_t s) { return Stream(s, Purpose::training_items, 8, 4); };
  using Other = Stream (*)(std::uint64_t);
  for (const Other other :
       {Other{[](std::uint64_t s) { return Stream(s + 1, Purpose::training_items, 8, 4); }},
        Other{[](std::uint64_t s) { return Stream(s, Purpose::novel_items, 8, 4); }},
        Other{[](std::uint64_t s) { return Stream(s, Purpose::training_items, 9, 4); }},
        Other{[](std::uint64_t s) { return Stream(s, Purpose::training_items, 8, 5); }}}) {
    EXPECT_GT(correlation(here, other), test::rare);
  }
}

// --- derive_seed() ---

// Recipe: the upper 53 bits of words 0 and 1 of Philox4x32-10 of the counter (0, which, 0, 1) under
// the key (seed, 0).
TEST(DeriveSeed, GivesTheSeedsItAlwaysGave) {
  EXPECT_EQ(derive_seed(0, 0), 1611671388973340);
  EXPECT_EQ(derive_seed(0, 3), 4378121005274954);
  EXPECT_EQ(derive_seed(42, 1), 2451089041970674);
}

TEST(DeriveSeed, IsBelow2To53AndDiffers) {
  std::set<std::int64_t> seeds;
  for (std::int64_t seed = 0; seed < 500; ++seed) {
    for (std::uint32_t which = 0; which < 4; ++which) {
      const std::int64_t derived = derive_seed(seed, which);
      EXPECT_GE(derived, 0);
      EXPECT_LT(derived, std::int64_t{1} << 53);
      seeds.insert(derived);
    }
  }
  EXPECT_EQ(seeds.size(), 2000U);
  EXPECT_GT(*seeds.rbegin(), std::int64_t{1} << 52);
}

}  // namespace
}  // namespace icl
