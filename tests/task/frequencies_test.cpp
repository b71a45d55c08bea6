#include "icl/task/frequencies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/statistics.hpp"

namespace icl::task {
namespace {

constexpr std::uint32_t draws = 200'000;

/// How often each of the things comes in `draws` draws.
std::vector<double> counts_of(const Frequencies& frequencies, std::uint64_t seed) {
  const Stream stream(seed, Purpose::training_sequence, 0, 0);
  WordReader words(stream);
  std::vector<double> counts(frequencies.count());
  for (std::uint32_t i = 0; i < draws; ++i) {
    ++counts.at(static_cast<std::size_t>(frequencies.draw(words)));
  }
  return counts;
}

/// The same of draw_other().
std::vector<double> counts_of_others(const Frequencies& frequencies, std::int32_t excluded) {
  const Stream stream(3, Purpose::training_sequence, 0, static_cast<std::uint64_t>(excluded));
  WordReader words(stream);
  std::vector<double> counts(frequencies.count());
  for (std::uint32_t i = 0; i < draws; ++i) {
    ++counts.at(static_cast<std::size_t>(frequencies.draw_other(words, excluded)));
  }
  return counts;
}

/// What is expected of `draws` draws with these weights.
std::vector<double> expected_of(std::vector<double> weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w *= draws / total;
  return weights;
}

double joined_fit_p(std::vector<double> counts, std::vector<double> expected) {
  test::join_rare_cells(counts, expected);
  return test::fit_p(counts, expected);
}

TEST(WordReader, TakesTheWordsOneAfterTheOther) {
  const Stream stream(1, Purpose::training_sequence, 2, 3);
  std::vector<std::uint32_t> words(2 * Stream::group);
  stream.words(0, words);
  WordReader reader(stream);
  for (std::uint32_t i = 0; i + 3 < words.size(); i += 3) {
    EXPECT_EQ(reader.below(1000), stream.below(1000, i, words[i]));
    const double unit = reader.unit();
    EXPECT_EQ(unit, words[i + 1] * 0x1p-32 + (words[i + 2] >> 11U) * 0x1p-53);
    EXPECT_LT(unit, 1);
  }
}

// Equal frequencies take one word each, as the bits of all uniform sequences ask.
TEST(Frequencies, ThatAreEqualTakeTheWordsOfBelow) {
  for (const std::uint32_t count : {1U, 2U, 3U, 97U, 100000U, 0x7fffffffU}) {
    const Stream stream(7, Purpose::icl_sequence, 1, count);
    std::vector<std::uint32_t> words(300);
    stream.words(0, words);
    WordReader reader(stream);
    const Frequencies frequencies(count);
    EXPECT_EQ(frequencies.count(), count);
    for (std::uint32_t i = 0; i < words.size(); ++i) {
      ASSERT_EQ(frequencies.draw(reader),
                static_cast<std::int32_t>(stream.below(count, i, words[i])));
    }
  }
}

TEST(ZipfWeights, ArePowersOfTheRank) {
  EXPECT_EQ(zipf_weights(0, 3), (std::vector<double>{1, 1, 1}));
  for (const double alpha : {1e-9, 0.5, 1.0, 1.2, 30.0}) {
    const auto weights = zipf_weights(alpha, 100'000);
    EXPECT_EQ(weights.front(), 1);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const double rank = static_cast<double>(k + 1);
      const double exact = std::pow(rank, -alpha);
      ASSERT_NEAR(weights[k], exact, exact * 4e-16 * (1 + alpha * (1 + std::log2(rank))))
          << alpha << ' ' << rank;
      ASSERT_LE(weights[k], weights[k > 0 ? k - 1 : 0]);
    }
  }
  EXPECT_EQ(zipf_weights(100, 2000).back(), 0);  // below e^-708
}

// Which item is drawn must not depend on the C library.
TEST(ZipfWeights, HaveTheseBits) {
  const auto weights = zipf_weights(1.2, 1000);
  for (const auto& [rank, bits] : {std::pair{2U, 0x1.bdb8cdadbe12p-2},
                                   {3U, 0x1.1200a0c3ddeb8p-2},
                                   {10U, 0x1.0270ac3f8a9fbp-4},
                                   {999U, 0x1.07b4f0ca9e889p-12},
                                   {1000U, 0x1.0763f01e8e5b1p-12}}) {
    EXPECT_EQ(weights[rank - 1], bits) << rank;
  }
}

TEST(Frequencies, FollowZipfsLaw) {
  for (const double alpha : {0.1, 0.5, 1.0, 1.5, 3.0}) {
    for (const std::int64_t count : {2, 10, 300}) {
      const auto weights = zipf_weights(alpha, count);
      EXPECT_GT(joined_fit_p(counts_of(Frequencies(weights), 1), expected_of(weights)), test::rare)
          << alpha << ", " << count;
    }
  }
}

TEST(Frequencies, FollowWeightsInAnyOrder) {
  const std::vector<double> weights{1, 20, 3, 1e-3, 0.5, 7};
  EXPECT_GT(joined_fit_p(counts_of(Frequencies(weights), 2), expected_of(weights)), test::rare);
}

// An alpha of 1e-9 changes 2e5 draws by far less than one.
TEST(Frequencies, AreNearlyEqualForANearlyVanishingExponent) {
  EXPECT_GT(test::uniform_p(counts_of(Frequencies(zipf_weights(1e-9, 100)), 3)), test::rare);
}

// The second of them has probability 2^-100.
TEST(Frequencies, GiveTheFirstAloneForTheLargestExponent) {
  for (const std::int64_t count : {2, 100'000}) {
    EXPECT_EQ(counts_of(Frequencies(zipf_weights(100, count)), 4)[0], draws);
  }
}

TEST(Frequencies, OfOneThingGiveIt) {
  EXPECT_EQ(counts_of(Frequencies(1), 5), std::vector<double>{draws});
  EXPECT_EQ(counts_of(Frequencies(zipf_weights(2, 1)), 5), std::vector<double>{draws});
}

// Item k is that for which the unit number falls into its share, the shares laid out from the last
// item to the first; the sums of these weights are exact.
TEST(Frequencies, AreThisFunctionOfTheWords) {
  const Stream stream(9, Purpose::training_sequence, 0, 0);
  WordReader words(stream);
  WordReader same(stream);
  const Frequencies frequencies(std::vector<double>{1, 2, 4});
  for (int i = 0; i < 200; ++i) {
    const double at = same.unit() * 7;
    ASSERT_EQ(frequencies.draw(words), at < 4 ? 2 : at < 6 ? 1 : 0);
  }
}

TEST(FrequenciesOfOthers, AreThoseOfTheRest) {
  for (const double alpha : {0.0, 1.0, 3.0}) {
    const auto weights = zipf_weights(alpha, 7);
    const Frequencies frequencies = alpha == 0 ? Frequencies(7) : Frequencies(weights);
    for (std::int32_t excluded = 0; excluded < 7; ++excluded) {
      auto counts = counts_of_others(frequencies, excluded);
      EXPECT_EQ(counts[static_cast<std::size_t>(excluded)], 0);
      auto rest = weights;
      counts.erase(counts.begin() + excluded);
      rest.erase(rest.begin() + excluded);
      EXPECT_GT(joined_fit_p(counts, expected_of(rest)), test::rare) << alpha << ", " << excluded;
    }
  }
}

// Without the first item, the second has all but (2/3)^100 = 2e-18 of the rest.
TEST(FrequenciesOfOthers, AreExactWhereOneHasNearlyAll) {
  const Frequencies frequencies(zipf_weights(100, 1000));
  EXPECT_EQ(counts_of_others(frequencies, 0)[1], draws);
  EXPECT_EQ(counts_of_others(frequencies, 1)[0], draws);
  EXPECT_EQ(counts_of_others(frequencies, 999)[0], draws);
  const Frequencies two(zipf_weights(100, 2));
  EXPECT_EQ(counts_of_others(two, 0)[1], draws);
  EXPECT_EQ(counts_of_others(Frequencies(2), 1)[0], draws);
}

}  // namespace
}  // namespace icl::task
