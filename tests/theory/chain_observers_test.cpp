#include "icl/theory/chain_observers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "support/random.hpp"

namespace icl::theory {
namespace {

constexpr double tolerance = 1e-6;

const std::vector<std::int32_t> sequence{0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0};

/// E[f(p) | likelihood(p)] of a probability p ~ Beta(alpha, alpha), alpha > 1, by a sum over p.
double over_one(double alpha, const std::function<double(double)>& likelihood) {
  double sum = 0;
  double weights = 0;
  constexpr int steps = 200000;
  for (int i = 1; i < steps; ++i) {
    const double p = static_cast<double>(i) / steps;
    const double weight = std::pow(p * (1 - p), alpha - 1) * likelihood(p);
    sum += weight * p;
    weights += weight;
  }
  return sum / weights;
}

TEST(Unigram, IsTheMeanOverAllFrequenciesByASum) {
  constexpr double alpha = 2.5;
  std::vector<double> found(sequence.size() * 2);
  unigram({sequence, 2}, alpha, found);
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    const double expected = over_one(alpha, [&](double p) {
      double likelihood = 1;
      for (std::size_t j = 0; j <= i; ++j) likelihood *= sequence[j] == 1 ? p : 1 - p;
      return likelihood;
    });
    EXPECT_NEAR(found[2 * i + 1], expected, tolerance) << i;
    EXPECT_NEAR(found[2 * i] + found[2 * i + 1], 1, 1e-15);
  }
}

TEST(Bigram, IsTheMeanOverAllChainsByASum) {
  constexpr double alpha = 2;
  std::vector<double> found(sequence.size() * 2);
  bigram({sequence, 2}, alpha, found);
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    // The rows of the matrix are independent: that of s_i has the transitions from s_i.
    const double expected = over_one(alpha, [&](double p) {
      double likelihood = 1;
      for (std::size_t j = 1; j <= i; ++j) {
        if (sequence[j - 1] == sequence[i]) likelihood *= sequence[j] == 1 ? p : 1 - p;
      }
      return likelihood;
    });
    EXPECT_NEAR(found[2 * i + 1], expected, tolerance) << i;
  }
}

struct Chains {
  std::size_t K, S;
  std::vector<double> transitions, frequencies;
};

/// Each row of a matrix uniformly from all distributions: exponential numbers over their sum.
Chains draw_chains(std::size_t K, std::size_t S, std::uint64_t seed) {
  const auto words = test::random_words(K * S * S, seed);
  Chains chains{K, S, std::vector<double>(K * S * S), {}};
  for (std::size_t row = 0; row < K * S; ++row) {
    double sum = 0;
    for (std::size_t s = 0; s < S; ++s) {
      sum += chains.transitions[row * S + s] = -std::log((words[row * S + s] + 0.5) * 0x1p-32);
    }
    for (std::size_t s = 0; s < S; ++s) chains.transitions[row * S + s] /= sum;
  }
  chains.frequencies.resize(K * S);
  std::vector<double> scratch(S * S);
  for (std::size_t k = 0; k < K; ++k) {
    stationary(std::span(chains.transitions).subspan(k * S * S, S * S), scratch,
               std::span(chains.frequencies).subspan(k * S, S));
  }
  return chains;
}

TEST(Stationary, IsWhatTheChainKeeps) {
  const Chains chains = draw_chains(3, 5, 1);
  for (std::size_t k = 0; k < chains.K; ++k) {
    double sum = 0;
    for (std::size_t s = 0; s < chains.S; ++s) {
      double after = 0;
      for (std::size_t r = 0; r < chains.S; ++r) {
        after += chains.frequencies[k * 5 + r] * chains.transitions[(k * 5 + r) * 5 + s];
      }
      EXPECT_NEAR(after, chains.frequencies[k * 5 + s], 1e-15);
      sum += after;
    }
    EXPECT_NEAR(sum, 1, 1e-14);
  }
}

TEST(KnownChains, AreWeighedByWhatTheyWouldHaveMade) {
  const Chains c = draw_chains(4, 3, 2);
  const std::vector<std::int32_t> s{2, 0, 1, 1, 2, 0, 0};
  std::vector<double> by_order(s.size() * c.S);
  std::vector<double> by_frequency(s.size() * c.S);
  known_chains({s, c.S}, c.transitions, c.frequencies, by_order);
  known_frequencies({s, c.S}, c.frequencies, by_frequency);
  const auto at = [](std::int32_t symbol) { return static_cast<std::size_t>(symbol); };
  for (std::size_t i = 0; i < s.size(); ++i) {
    for (std::size_t next = 0; next < c.S; ++next) {
      // The probability of all the symbols so far and `next`, over that of all so far.
      double with = 0;
      double without = 0;
      double with_frequency = 0;
      double without_frequency = 0;
      for (std::size_t k = 0; k < c.K; ++k) {
        double p = c.frequencies[k * c.S + at(s[0])];
        double q = p;
        for (std::size_t j = 1; j <= i; ++j) {
          p *= c.transitions[(k * c.S + at(s[j - 1])) * c.S + at(s[j])];
          q *= c.frequencies[k * c.S + at(s[j])];
        }
        without += p;
        with += p * c.transitions[(k * c.S + at(s[i])) * c.S + next];
        without_frequency += q;
        with_frequency += q * c.frequencies[k * c.S + next];
      }
      EXPECT_NEAR(by_order[i * c.S + next], with / without, tolerance);
      EXPECT_NEAR(by_frequency[i * c.S + next], with_frequency / without_frequency, tolerance);
    }
  }
}

TEST(ChainObservers, AnswerForTheLastPlacesAlone) {
  const Chains c = draw_chains(4, 3, 2);
  const std::vector<std::int32_t> s{2, 0, 1, 1, 2, 0, 0};
  const auto expect = [&](const auto& observer) {
    std::vector<double> all(s.size() * c.S);
    std::vector<double> last(2 * c.S);
    observer({s, c.S}, all);
    observer({s, c.S}, last);
    EXPECT_EQ(last, std::vector(all.end() - 2 * 3, all.end()));
  };
  using Out = std::span<double>;
  expect([](const ChainSequence& q, Out out) { unigram(q, 1, out); });
  expect([](const ChainSequence& q, Out out) { bigram(q, 1, out); });
  expect(
      [&](const ChainSequence& q, Out out) { known_chains(q, c.transitions, c.frequencies, out); });
  expect([&](const ChainSequence& q, Out out) { known_frequencies(q, c.frequencies, out); });
}

// Probabilities of a thousand symbols are far below what a double holds.
TEST(KnownChains, AreToldApartInLongSequencesAndKeptWhereNoneFits) {
  const std::vector<double> chains{0.9, 0.1, 0.1, 0.9, 1, 0, 0, 1};
  const std::vector<double> starts{0.5, 0.5, 0.5, 0.5};
  std::vector<std::int32_t> s(3000, 1);
  std::vector<double> found(s.size() * 2);
  known_chains({s, 2}, chains, starts, found);
  EXPECT_NEAR(found.back(), 1, 1e-12);
  s.push_back(0);
  found.resize(s.size() * 2);
  known_chains({s, 2}, chains, starts, found);
  EXPECT_NEAR(found[found.size() - 2], 0.9, 1e-12) << "the chain that never leaves is out";
  const std::vector<double> never{1, 0, 1, 0};
  known_chains({std::vector<std::int32_t>{0, 1}, 2}, never, std::vector<double>{1, 0},
               std::span(found).first(4));
  EXPECT_EQ(found[2], 1);
}

}  // namespace
}  // namespace icl::theory
