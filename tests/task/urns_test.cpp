#include "icl/task/urns.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "icl/task/ideal_observer.hpp"
#include "icl/task/plain_encoder.hpp"
#include "icl/task/symbols.hpp"

namespace icl::task {
namespace {

using config::ObserverName;

/// Deviations that are allowed, in standard deviations: one in 1.7 million of a normal variate.
constexpr double deviations = 5;
constexpr std::size_t S = 4;

config::Config configuration(config::Diversity K, std::int64_t N = 33) {
  config::Config config;
  config.model.system = config::System::blocks;
  config.data.task = config::TaskKind::urns;
  config.data.K = K;
  config.data.N = N;
  config.data.D = S;
  config.train.seed = 4;
  return config;
}

struct Draws {
  std::vector<std::int32_t> symbols;  ///< [N + 1], the last one asked for
  std::int32_t urn;
  bool operator==(const Draws&) const = default;
};

constexpr std::size_t training = 99;  ///< in place of the number of an evaluation set
const std::size_t icl = set_called("icl");
const std::size_t iwl = set_called("iwl");

struct Bench {
  explicit Bench(const config::Config& c, int threads = 1)
      : config(c), encoder(c), workers(threads), task(c, encoder, workers) {}

  [[nodiscard]] Batch batch(std::size_t set, std::uint64_t step, std::int64_t first,
                            std::int64_t size) const {
    Batch batch = task.make_batch(size);
    if (set == training) {
      task.training_batch(step, size, batch, workers);
    } else {
      task.evaluation_batch(set, step, first, size, batch, workers);
    }
    return batch;
  }

  [[nodiscard]] std::vector<Draws> draw(std::size_t set, std::uint64_t step, std::int64_t first,
                                        std::int64_t size) const {
    const Batch drawn = batch(set, step, first, size);
    std::vector<Draws> all;
    for (std::int64_t b = 0; b < size; ++b) {
      const std::int32_t* s = drawn.items.row(b);
      Draws& draws = all.emplace_back(Draws{{s, s + drawn.length}, drawn.fresh.drawn.row(b)[0]});
      draws.symbols.push_back(drawn.answer[b] - 1);
    }
    return all;
  }

  [[nodiscard]] std::span<const double> urn(std::size_t k) const {
    return std::span(task.urns()).subspan(k * S, S);
  }

  config::Config config;
  PlainEncoder encoder;
  Workers workers;
  UrnsTask task;
};

/// So many draws as `counts` has are those of probabilities p.
void expect_drawn(const std::array<double, S>& counts, std::span<const double> p) {
  double all = 0;
  for (const double n : counts) all += n;
  for (std::size_t s = 0; s < S; ++s) {
    EXPECT_NEAR(counts.at(s), all * p[s], deviations * std::sqrt(all * p[s] * (1 - p[s])) + 1e-9);
  }
}

// Also after each symbol alone: the order tells nothing, and the next draw is one like all others.
TEST(Urns, DrawsAreThoseOfOneOfTheUrnsWhateverCameBefore) {
  const Bench bench(configuration(3));
  for (const std::size_t set : {training, iwl}) {
    std::array<std::array<double, S>, 3> counts{};
    std::array<std::array<double, S>, 3 * S> after{};
    std::array<std::array<double, S>, 3> asked{};
    std::array<double, 3> number{};
    for (const Draws& draws : bench.draw(set, 3, 0, 3000)) {
      const auto k = static_cast<std::size_t>(draws.urn);
      ++number.at(k);
      for (std::size_t j = 0; j < draws.symbols.size(); ++j) {
        const auto s = static_cast<std::size_t>(draws.symbols[j]);
        ++counts.at(k).at(s);
        if (j > 0) ++after.at(k * S + static_cast<std::size_t>(draws.symbols[j - 1])).at(s);
        if (j + 1 == draws.symbols.size()) ++asked.at(k).at(s);
      }
    }
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(number.at(k), 1000, deviations * std::sqrt(3000 * 2 / 9.0));
      expect_drawn(counts.at(k), bench.urn(k));
      expect_drawn(asked.at(k), bench.urn(k));
      for (std::size_t s = 0; s < S; ++s) expect_drawn(after.at(k * S + s), bench.urn(k));
    }
  }
}

// Of Dirichlet(alpha) E p = 1/S, E p^2 = (alpha + 1) / (S (S alpha + 1)).
TEST(Urns, AreOfADirichletDistribution) {
  constexpr double alpha = 0.4;
  config::Config config = configuration(60000, 2);
  config.data.concentration = alpha;
  const Bench bench(config);
  double mean = 0;
  double square = 0;
  for (std::size_t k = 0; k < 60000; ++k) {
    double sum = 0;
    for (const double p : bench.urn(k)) sum += p;
    EXPECT_NEAR(sum, 1, 1e-14);
    mean += bench.urn(k)[1] / 60000;
    square += bench.urn(k)[1] * bench.urn(k)[1] / 60000;
  }
  const double expected = (alpha + 1) / (S * (S * alpha + 1));
  EXPECT_NEAR(mean, 0.25, deviations * std::sqrt((expected - 1 / 16.0) / 60000));
  EXPECT_NEAR(square, expected, deviations * std::sqrt(expected / 60000)) << "p^4 < p^2";
}

TEST(Urns, FreshOnesAreOfTheSequenceAlone) {
  const Bench bench(configuration(3, 20000));
  const auto seed = static_cast<std::uint64_t>(
      derive_seed(Seeds(bench.config).eval, static_cast<std::uint32_t>(Purpose::icl_sequence)));
  const auto all = bench.draw(icl, 5, 0, 4);
  for (std::uint64_t b = 0; b < 4; ++b) {
    EXPECT_EQ(all[b].urn, -1);
    std::array<double, S> urn{};
    const Stream stream(seed, Purpose::latent, 5, b);
    WordReader words(stream);
    draw_dirichlet(words, 1, urn);
    std::array<double, S> counts{};
    for (const std::int32_t s : all[b].symbols) ++counts.at(static_cast<std::size_t>(s));
    expect_drawn(counts, urn);
    for (std::size_t k = 0; k < 3; ++k) {
      double apart = 0;
      for (std::size_t s = 0; s < S; ++s) {
        apart = std::max(apart, std::abs(urn.at(s) - bench.urn(k)[s]));
      }
      EXPECT_GT(apart, 0.01) << "none of the run's";
    }
  }
}

TEST(Urns, TokensAreOneOfTheSymbolsAndCopiesAreThatOfTheLast) {
  const Bench bench(configuration(3));
  const Batch batch = bench.batch(training, 0, 0, 20);
  for (std::int64_t b = 0; b < batch.size; ++b) {
    for (std::int64_t j = 0; j < batch.length; ++j) {
      const std::int32_t symbol = batch.items.row(b)[j];
      const bool is_target = j + 1 == batch.length;
      const Real* row =
          is_target ? batch.table->target.row(symbol) : batch.table->context.row(symbol);
      for (std::int32_t s = 0; s < 4; ++s) EXPECT_EQ(row[s], s == symbol ? 1 : 0);
      EXPECT_EQ(row[S], 0) << "no label";
      if (is_target) continue;
      EXPECT_EQ(batch.copy.row(b)[j] != 0, symbol == batch.items.row(b)[batch.length - 1]);
    }
    EXPECT_TRUE(batch.answer[b] >= 1 && batch.answer[b] <= 4);
  }
}

TEST(Urns, AreAPureFunctionOfSeedSetStepAndIndex) {
  for (const auto K : {config::Diversity(6), config::Diversity::infinity()}) {
    const Bench one(configuration(K));
    const Bench three(configuration(K), 3);
    EXPECT_EQ(one.task.urns(), three.task.urns());
    for (const std::size_t set : {training, icl, iwl}) {
      if (K.is_infinite() && set == iwl) continue;
      const auto whole = one.draw(set, 9, 0, 40);
      EXPECT_EQ(three.draw(set, 9, 0, 40), whole);
      EXPECT_NE(one.draw(set, 10, 0, 40), whole);
      if (set == training) continue;
      const auto part = one.draw(set, 9, 17, 20);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 17));
    }
  }
  const Bench endless(configuration(config::Diversity::infinity()));
  EXPECT_FALSE(endless.task.has(iwl));
  EXPECT_TRUE(endless.task.tables().empty());
}

// ---- ideal observers ----------------------------------------------------------------------------

std::vector<double> answer_of(const UrnsTask& task, ObserverName name, const Batch& batch,
                              std::int64_t b) {
  std::vector<double> out(S);
  task.observer(name)->answer(batch, b, out);
  for (double& p : out) p = std::exp(p);
  return out;
}

/// The mean of p under p_0^(n_0) p_1^(n_1) p_2^(n_2) and the prior Dirichlet(3), by a sum over a
/// grid of the simplex: the prior is 0 with its slope where a symbol never comes, so that the sum
/// is as good as an integral.
std::array<double, 3> mean_over_a_grid(const std::array<int, 3>& n) {
  constexpr int steps = 400;
  std::array<double, 3> sums{};
  double all = 0;
  for (int i = 0; i <= steps; ++i) {
    for (int j = 0; i + j <= steps; ++j) {
      const std::array p{static_cast<double>(i) / steps, static_cast<double>(j) / steps,
                         static_cast<double>(steps - i - j) / steps};
      double weight = 1;
      for (std::size_t s = 0; s < 3; ++s) weight *= std::pow(p.at(s), n.at(s) + 2);
      for (std::size_t s = 0; s < 3; ++s) sums.at(s) += weight * p.at(s);
      all += weight;
    }
  }
  for (double& sum : sums) sum /= all;
  return sums;
}

TEST(UrnObservers, InferenceIsTheMeanOverAllUrnsByASum) {
  config::Config config = configuration(5, 12);
  config.data.D = 3;
  config.data.concentration = 3;
  const Bench bench(config);
  const Batch batch = bench.batch(icl, 1, 0, 4);
  std::vector<double> found(3);
  for (std::int64_t b = 0; b < 4; ++b) {
    std::array<int, 3> counts{};
    for (std::int64_t j = 0; j < 12; ++j) {
      ++counts.at(static_cast<std::size_t>(batch.items.row(b)[j]));
    }
    bench.task.observer(ObserverName::inference)->answer(batch, b, found);
    const auto expected = mean_over_a_grid(counts);
    for (std::size_t s = 0; s < 3; ++s) EXPECT_NEAR(std::exp(found[s]), expected.at(s), 1e-6);
  }
}

// By counting, and by the probability of all draws and the next over that of all draws.
TEST(UrnObservers, AreThoseOfBruteForce) {
  config::Config config = configuration(5, 12);
  config.data.concentration = 0.4;
  const Bench bench(config);
  for (const std::size_t set : {icl, iwl}) {
    const Batch batch = bench.batch(set, 1, 0, 30);
    for (std::int64_t b = 0; b < 30; ++b) {
      const auto inferred = answer_of(bench.task, ObserverName::inference, batch, b);
      const auto retrieved = answer_of(bench.task, ObserverName::retrieval, batch, b);
      for (std::size_t next = 0; next < S; ++next) {
        double came = 0;
        double with = 0;
        double without = 0;
        for (std::size_t k = 0; k < 5; ++k) {
          double p = 1;
          for (std::int64_t j = 0; j < 12; ++j) {
            p *= bench.urn(k)[static_cast<std::size_t>(batch.items.row(b)[j])];
          }
          without += p;
          with += p * bench.urn(k)[next];
        }
        for (std::int64_t j = 0; j < 12; ++j) {
          came += static_cast<std::size_t>(batch.items.row(b)[j]) == next ? 1 : 0;
        }
        EXPECT_NEAR(inferred[next], (came + 0.4) / (12 + 1.6), 1e-6);
        EXPECT_NEAR(retrieved[next], with / without, 1e-6);
      }
    }
  }
}

TEST(UrnObservers, AreBestWhereTheyAreIdeal) {
  const Bench bench(configuration(5));
  for (const std::size_t set : {icl, iwl}) {
    const Batch batch = bench.batch(set, 1, 0, 1000);
    double inference = 0;
    double retrieval = 0;
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const auto answer = static_cast<std::size_t>(batch.answer[b] - 1);
      inference -= std::log(answer_of(bench.task, ObserverName::inference, batch, b)[answer]);
      retrieval -= std::log(answer_of(bench.task, ObserverName::retrieval, batch, b)[answer]);
    }
    EXPECT_EQ(inference < retrieval, set == icl) << inference << " " << retrieval;
  }
}

TEST(UrnObservers, AreTheirTasksAloneAndRetrieveNothingWhereAllUrnsAreFresh) {
  const Bench endless(configuration(config::Diversity::infinity()));
  EXPECT_EQ(endless.task.observer(ObserverName::retrieval), nullptr);
  EXPECT_NE(endless.task.observer(ObserverName::inference), nullptr);
  EXPECT_EQ(endless.task.observer(ObserverName::unigram_inference), nullptr);
}

}  // namespace
}  // namespace icl::task
