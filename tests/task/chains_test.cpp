#include "icl/task/chains.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "icl/task/ideal_observer.hpp"
#include "icl/task/plain_encoder.hpp"
#include "icl/task/training_answers.hpp"
#include "icl/theory/chain_observers.hpp"

namespace icl::task {
namespace {

using config::ObserverName;

/// Deviations that are allowed, in standard deviations: one in 1.7 million of a normal variate.
constexpr double deviations = 5;

// ---- chains -------------------------------------------------------------------------------------

/// The first and second moments of the shares of `rows` rows of chains of S symbols.
struct Moments {
  double mean = 0;
  double square = 0;
  double product = 0;  ///< of the first two shares
};

Moments moments_of(double alpha, std::size_t S, std::size_t rows) {
  Moments m;
  std::vector<double> chain(S * S);
  for (std::size_t i = 0; i < rows / S; ++i) {
    draw_chain(Stream(7, Purpose::latent, 0, i), alpha, chain);
    for (std::size_t row = 0; row < S; ++row) {
      const auto p = std::span(chain).subspan(row * S, S);
      double sum = 0;
      for (const double one : p) sum += one;
      EXPECT_NEAR(sum, 1, 1e-14);
      m.mean += p[1] / static_cast<double>(rows);
      m.square += p[1] * p[1] / static_cast<double>(rows);
      m.product += p[0] * p[1] / static_cast<double>(rows);
    }
  }
  return m;
}

// Of Dirichlet(alpha) E p^n = product over i < n of (alpha + i) / (S alpha + i).
TEST(DrawChain, HasTheMomentsOfItsDirichletDistribution) {
  constexpr std::size_t S = 4;
  constexpr std::size_t rows = 400000;
  for (const double alpha : {0.05, 0.5, 1.0, 3.0, 50.0}) {
    const auto moment = [&](int n) {
      double product = 1;
      for (int i = 0; i < n; ++i) product *= (alpha + i) / (S * alpha + i);
      return product;
    };
    const auto bound = [&](double mean, double square) {
      return deviations * std::sqrt((square - mean * mean) / rows);
    };
    const Moments found = moments_of(alpha, S, rows);
    EXPECT_NEAR(found.mean, moment(1), bound(moment(1), moment(2))) << alpha;
    EXPECT_NEAR(found.square, moment(2), bound(moment(2), moment(4))) << alpha;
    const double together = alpha * alpha / (S * alpha * (S * alpha + 1));
    EXPECT_NEAR(found.product, together, bound(together, moment(4))) << alpha;  // E p^2 r^2 < E p^4
  }
}

// Two symbols at alpha = 1: p is uniform.
TEST(DrawChain, IsUniformWhereItShouldBe) {
  constexpr int chains = 8000;
  std::array<int, 8> bins{};
  std::array<double, 4> chain{};
  for (int i = 0; i < chains; ++i) {
    draw_chain(Stream(3, Purpose::latent, 1, static_cast<std::uint64_t>(i)), 1, chain);
    ++bins.at(static_cast<std::size_t>(chain[0] * 8));
    ++bins.at(static_cast<std::size_t>(chain[2] * 8));
  }
  const double expected = 2 * chains / 8.0;
  for (const int bin : bins) EXPECT_NEAR(bin, expected, deviations * std::sqrt(expected * 7 / 8));
}

TEST(DrawChain, LeavesNoSymbolOutHoweverSmallAlphaIs) {
  std::vector<double> chain(25);
  std::vector<double> scratch(25);
  std::vector<double> frequencies(5);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    draw_chain(Stream(3, Purpose::latent, 1, i), 0.01, chain);
    EXPECT_GE(*std::ranges::min_element(chain), 1e-30);
    theory::stationary(chain, scratch, frequencies);
    for (const double f : frequencies) EXPECT_TRUE(f >= 0 && f <= 1) << f;
  }
}

// ---- sequences ----------------------------------------------------------------------------------

config::Config configuration(config::Diversity K, std::int64_t N = 33, std::int64_t S = 4) {
  config::Config config;
  config.model.system = config::System::blocks;
  config.data.task = config::TaskKind::chains;
  config.data.K = K;
  config.data.N = N;
  config.data.D = S;
  config.train.seed = 4;
  return config;
}

struct Sequence {
  std::vector<std::int32_t> symbols;  ///< [N + 1], the last one asked for
  std::int32_t chain;
  bool operator==(const Sequence&) const = default;
};

enum class Kind { training, icl, iwl };

struct Bench {
  explicit Bench(const config::Config& c, int threads = 1)
      : config(c), encoder(c), workers(threads), task(c, encoder, workers) {}

  [[nodiscard]] Batch batch(Kind kind, std::uint64_t step, std::int64_t first,
                            std::int64_t size) const {
    Batch batch = task.make_batch(size);
    if (kind == Kind::training) {
      task.training_batch(step, size, batch, workers);
    } else {
      task.evaluation_batch(set_called(kind == Kind::icl ? "icl" : "iwl"), step, first, size, batch,
                            workers);
    }
    EXPECT_EQ(batch.size, size);
    return batch;
  }

  [[nodiscard]] std::vector<Sequence> draw(Kind kind, std::uint64_t step, std::int64_t first,
                                           std::int64_t size) const {
    const Batch drawn = batch(kind, step, first, size);
    std::vector<Sequence> all;
    for (std::int64_t b = 0; b < size; ++b) {
      const std::int32_t* s = drawn.items.row(b);
      Sequence& sequence =
          all.emplace_back(Sequence{{s, s + drawn.length}, drawn.fresh.drawn.row(b)[0]});
      sequence.symbols.push_back(drawn.answer[b] - 1);
    }
    return all;
  }

  config::Config config;
  PlainEncoder encoder;
  Workers workers;
  ChainsTask task;
};

/// How often each symbol came after each other one, and began a sequence.
struct Counts {
  explicit Counts(std::size_t S) : after(S * S), first(S) {}
  void add(const Sequence& sequence) {
    const auto at = [](std::int32_t s) { return static_cast<std::size_t>(s); };
    ++first[at(sequence.symbols[0])];
    for (std::size_t j = 0; j + 1 < sequence.symbols.size(); ++j) {
      ++after[at(sequence.symbols[j]) * first.size() + at(sequence.symbols[j + 1])];
    }
  }
  std::vector<double> after, first;
};

/// `counts` of so many draws are those of probabilities p.
void expect_drawn(std::span<const double> counts, std::span<const double> p) {
  double all = 0;
  for (const double n : counts) all += n;
  for (std::size_t s = 0; s < p.size(); ++s) {
    EXPECT_NEAR(counts[s], all * p[s], deviations * std::sqrt(all * p[s] * (1 - p[s])) + 1e-9);
  }
}

TEST(Chains, SymbolsFollowOneOfTheChainsFromItsOwnFrequencies) {
  const Bench bench(configuration(3));
  for (const Kind kind : {Kind::training, Kind::iwl}) {
    std::vector<Counts> of(3, Counts(4));
    std::array<double, 3> number{};
    for (const Sequence& s : bench.draw(kind, 3, 0, 3000)) {
      of.at(static_cast<std::size_t>(s.chain)).add(s);
      ++number.at(static_cast<std::size_t>(s.chain));
    }
    expect_drawn(number, std::array{1 / 3.0, 1 / 3.0, 1 / 3.0});
    for (std::size_t k = 0; k < 3; ++k) {
      expect_drawn(of[k].first, std::span(bench.task.frequencies()).subspan(k * 4, 4));
      for (std::size_t s = 0; s < 4; ++s) {
        expect_drawn(std::span(of[k].after).subspan(s * 4, 4),
                     std::span(bench.task.chains()).subspan((k * 4 + s) * 4, 4));
      }
    }
  }
}

TEST(Chains, FreshOnesAreOfTheSequenceAlone) {
  const Bench bench(configuration(3, 20000, 3));
  const auto seed = static_cast<std::uint64_t>(
      derive_seed(Seeds(bench.config).eval, static_cast<std::uint32_t>(Purpose::icl_sequence)));
  const auto sequences = bench.draw(Kind::icl, 5, 0, 4);
  for (std::uint64_t b = 0; b < 4; ++b) {
    EXPECT_EQ(sequences[b].chain, -1);
    Counts counts(3);
    counts.add(sequences[b]);
    std::array<double, 9> chain{};
    draw_chain(Stream(seed, Purpose::latent, 5, b), 1, chain);
    for (std::size_t s = 0; s < 3; ++s) {
      expect_drawn(std::span(counts.after).subspan(s * 3, 3), std::span(chain).subspan(s * 3, 3));
    }
    double nearest = 1;
    for (std::size_t k = 0; k < 3; ++k) {
      double apart = 0;
      for (std::size_t i = 0; i < 9; ++i) {
        apart = std::max(apart, std::abs(bench.task.chains()[k * 9 + i] - chain.at(i)));
      }
      nearest = std::min(nearest, apart);
    }
    EXPECT_GT(nearest, 0.05) << "none of the run's";
  }
}

TEST(Chains, TokensAreOneOfTheSymbolsAndCopiesAreThatOfTheLast) {
  const Bench bench(configuration(3));
  const Batch batch = bench.batch(Kind::training, 0, 0, 20);
  for (std::int64_t b = 0; b < batch.size; ++b) {
    for (std::int64_t j = 0; j < batch.length; ++j) {
      const std::int32_t symbol = batch.items.row(b)[j];
      const bool is_target = j + 1 == batch.length;
      const TokenTable& table = *batch.table;
      const Real* row = is_target ? table.target.row(symbol) : table.context.row(symbol);
      for (std::int32_t s = 0; s < 4; ++s) EXPECT_EQ(row[s], s == symbol ? 1 : 0);
      EXPECT_EQ(row[4], 0) << "no label";
      if (is_target) continue;
      EXPECT_EQ(batch.copy.row(b)[j] != 0, symbol == batch.items.row(b)[batch.length - 1]);
    }
    EXPECT_TRUE(batch.answer[b] >= 1 && batch.answer[b] <= 4);
  }
}

TEST(Chains, AskedBehindEverySymbolAskForTheNext) {
  for (const auto K : {config::Diversity(6), config::Diversity::infinity()}) {
    config::Config config = configuration(K);
    config.train.loss_at = config::LossAt::every;
    const Bench bench(config);
    Batch batch = bench.task.make_batch(40);
    TrainingAnswers asked(config, 40);
    for (const std::int64_t size : {40, 7}) {
      bench.task.training_batch(3, size, batch, bench.workers);
      const Answers answers = asked.of(batch);
      ASSERT_EQ(answers.count, size * config.data.N);
      EXPECT_TRUE(answers.values.is_none());
      std::size_t at = 0;
      for (std::int64_t b = 0; b < size; ++b) {
        for (std::int64_t j = 1; j < config.data.N; ++j) {
          EXPECT_EQ(answers.labels[at++], batch.items.row(b)[j] + 1);
        }
        EXPECT_EQ(answers.labels[at++], batch.answer[b]);
      }
    }
  }
}

TEST(Chains, AreAPureFunctionOfSeedSetStepAndIndex) {
  for (const auto K : {config::Diversity(6), config::Diversity::infinity()}) {
    const Bench one(configuration(K));
    const Bench three(configuration(K), 3);
    EXPECT_EQ(one.task.chains(), three.task.chains());
    for (const Kind kind : {Kind::training, Kind::icl, Kind::iwl}) {
      if (K.is_infinite() && kind == Kind::iwl) continue;
      const auto whole = one.draw(kind, 9, 0, 40);
      EXPECT_EQ(three.draw(kind, 9, 0, 40), whole);
      EXPECT_NE(one.draw(kind, 10, 0, 40), whole);
      if (kind == Kind::training) continue;
      const auto part = one.draw(kind, 9, 17, 20);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 17));
    }
  }
  const Bench endless(configuration(config::Diversity::infinity()));
  EXPECT_FALSE(endless.task.has(set_called("iwl")));
  EXPECT_TRUE(endless.task.tables().empty());
}

// ---- ideal observers ----------------------------------------------------------------------------

std::vector<double> answer_of(const ChainsTask& task, ObserverName name, const Batch& batch,
                              std::int64_t b) {
  std::vector<double> out(4);
  task.observer(name)->answer(batch, b, out);
  for (double& p : out) p = std::exp(p);
  return out;
}

// By counting, and by the probability of all symbols and the next over that of all symbols.
TEST(ChainObservers, AreTheFourAlgorithmsByBruteForce) {
  config::Config config = configuration(5, 12);
  config.data.concentration = 0.4;
  const Bench bench(config);
  for (const Kind kind : {Kind::icl, Kind::iwl}) {
    const Batch batch = bench.batch(kind, 1, 0, 30);
    const auto sequences = bench.draw(kind, 1, 0, 30);
    for (std::int64_t b = 0; b < 30; ++b) {
      const auto& s = sequences[static_cast<std::size_t>(b)].symbols;
      const auto unigram = answer_of(bench.task, ObserverName::unigram_inference, batch, b);
      const auto bigram = answer_of(bench.task, ObserverName::bigram_inference, batch, b);
      const auto by_symbols = answer_of(bench.task, ObserverName::unigram_retrieval, batch, b);
      const auto by_order = answer_of(bench.task, ObserverName::bigram_retrieval, batch, b);
      double last_before = 0;
      for (std::size_t j = 0; j < 11; ++j) last_before += s[j] == s[11] ? 1 : 0;
      for (std::int32_t next = 0; next < 4; ++next) {
        const auto at = static_cast<std::size_t>(next);
        double came = 0;
        double followed = 0;
        for (std::size_t j = 0; j < 12; ++j) {
          came += s[j] == next ? 1 : 0;
          followed += j < 11 && s[j] == s[11] && s[j + 1] == next ? 1 : 0;
        }
        EXPECT_NEAR(unigram[at], (came + 0.4) / (12 + 1.6), 1e-6);
        EXPECT_NEAR(bigram[at], (followed + 0.4) / (last_before + 1.6), 1e-6);
        std::array<double, 4> sums{};  // orders: with and without the next; the same of symbols
        for (std::size_t k = 0; k < 5; ++k) {
          const auto f = std::span(bench.task.frequencies()).subspan(k * 4, 4);
          const auto P = [&](std::int32_t from, std::int32_t to) {
            return bench.task.chains()[(k * 4 + static_cast<std::size_t>(from)) * 4 +
                                       static_cast<std::size_t>(to)];
          };
          double p = f[static_cast<std::size_t>(s[0])];
          double q = p;
          for (std::size_t j = 1; j < 12; ++j) {
            p *= P(s[j - 1], s[j]);
            q *= f[static_cast<std::size_t>(s[j])];
          }
          sums[0] += p * P(s[11], next);
          sums[1] += p;
          sums[2] += q * f[at];
          sums[3] += q;
        }
        EXPECT_NEAR(by_order[at], sums[0] / sums[1], 1e-6);
        EXPECT_NEAR(by_symbols[at], sums[2] / sums[3], 1e-6);
      }
    }
  }
}

TEST(ChainObservers, AreBestWhereTheyAreIdeal) {
  const Bench bench(configuration(5));
  constexpr std::array names{ObserverName::unigram_inference, ObserverName::bigram_inference,
                             ObserverName::unigram_retrieval, ObserverName::bigram_retrieval};
  for (const auto& [kind, best] : {std::pair(Kind::icl, 1), std::pair(Kind::iwl, 3)}) {
    const Batch batch = bench.batch(kind, 1, 0, 1000);
    std::array<double, 4> losses{};
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::int64_t b = 0; b < batch.size; ++b) {
        const auto p = answer_of(bench.task, names.at(i), batch, b);
        losses.at(i) -= std::log(p[static_cast<std::size_t>(batch.answer[b] - 1)]) / 1000;
      }
    }
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_GE(losses.at(i), losses.at(static_cast<std::size_t>(best))) << i;
    }
  }
}

TEST(ChainObservers, RetrieveNothingWhereAllChainsAreFresh) {
  const Bench endless(configuration(config::Diversity::infinity()));
  EXPECT_EQ(endless.task.observer(ObserverName::unigram_retrieval), nullptr);
  EXPECT_EQ(endless.task.observer(ObserverName::bigram_retrieval), nullptr);
  EXPECT_NE(endless.task.observer(ObserverName::bigram_inference), nullptr);
  EXPECT_EQ(endless.task.observer(ObserverName::ridge), nullptr);
}

}  // namespace
}  // namespace icl::task
