#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "core/statistics.hpp"
#include "task/bench.hpp"
#include "task/given.hpp"

namespace icl::task {
namespace {

using Kind = Bench::Kind;
using Row = std::vector<Real>;

// --- Noise within items ---

/// What noise was added to each token: sqrt(1 + epsilon^2) x' - x, in units of its standard
/// deviation epsilon / sqrt(D). The classes are those of the same sequences without noise.
struct Residuals {
  Residuals(const config::Config& noisy, std::optional<GivenItems> given = {})
      : with(noisy, 1, given), without(silent(noisy), 1, std::move(given)) {}

  static config::Config silent(config::Config config) {
    config.data.noise = 0;
    return config;
  }

  /// [sequence][token] of a batch; the rest of the batches must be equal.
  [[nodiscard]] std::vector<std::vector<Row>> draw(Kind kind, std::uint64_t step,
                                                   std::int64_t size) const {
    const double epsilon = with.config.data.noise;
    const double unit = epsilon / std::sqrt(static_cast<double>(with.config.data.D));
    const Sequences noisy = with.draw(kind, step, 0, size);
    const Sequences clean = without.draw(kind, step, 0, size);
    std::vector<std::vector<Row>> residuals(noisy.size());
    for (std::size_t b = 0; b < noisy.size(); ++b) {
      EXPECT_EQ(noisy[b].labels, clean[b].labels);
      EXPECT_EQ(noisy[b].copies, clean[b].copies);
      EXPECT_EQ(noisy[b].answer, clean[b].answer);
      for (std::size_t j = 0; j < noisy[b].items.size(); ++j) {
        Row row = noisy[b].items[j];
        for (std::size_t i = 0; i < row.size(); ++i) {
          const double x = clean[b].items[j][i];
          row[i] = static_cast<Real>((row[i] * std::sqrt(1 + epsilon * epsilon) - x) / unit);
        }
        residuals[b].push_back(std::move(row));
      }
    }
    return residuals;
  }

  Bench with, without;
};

config::Config with_noise(config::Config config, double epsilon) {
  config.data.noise = epsilon;
  return config;
}

// The residuals z are standard normal: of n of them, the sum has variance n and the sum of squares
// 2 n. Rounding to float shifts them by 1e-6 or so.
void expect_normal(const Residuals& residuals) {
  for (const Kind kind : residuals.with.kinds()) {
    double sum = 0, squares = 0, n = 0;
    const std::int64_t size = kind == Kind::probe ? 16 : 400;
    for (const auto& sequence : residuals.draw(kind, 2, size)) {
      for (const Row& row : sequence) {
        for (const Real z : row) {
          sum += z;
          squares += z * z;
          ++n;
        }
      }
    }
    EXPECT_GT(test::normal_p(sum / std::sqrt(n)), test::rare);
    EXPECT_GT(test::normal_p((squares - n) / std::sqrt(2 * n)), test::rare);
  }
}

TEST(TaskNoise, IsThatOfTheFormula) {
  for (const double epsilon : {0.1, 1.0, 5.0}) {
    expect_normal(Residuals(with_noise(configuration(16, 6, 5), epsilon)));
    expect_normal(Residuals(with_noise(configuration(infinite, 6, 5), epsilon)));
    expect_normal(Residuals(with_noise(configuration(16, 6, 2), epsilon),
                            GivenItems{table_of(16, 3, 0), table_of(4, 3, 30), ""}));
  }
}

// Noise is fresh for each token of each sequence, step and kind: no two of these are equal, and
// those of a target and its copies are as independent as any: sums of n products have variance n.
TEST(TaskNoise, IsFreshForEachToken) {
  for (const auto item_count : {config::Diversity(16), infinite}) {
    const Residuals residuals(with_noise(configuration(item_count, 5, 4), 0.5));
    std::set<Row> all;
    std::size_t count = 0;
    double products = 0, n = 0;
    for (const Kind kind : residuals.with.kinds()) {
      for (const std::uint64_t step : {3U, 4U}) {
        const std::int64_t size = kind == Kind::probe ? 16 : 200;
        const Sequences sequences = residuals.with.draw(kind, step, 0, size);
        const auto rows = residuals.draw(kind, step, size);
        for (std::size_t b = 0; b < rows.size(); ++b) {
          all.insert(rows[b].begin(), rows[b].end());
          count += rows[b].size();
          for (std::size_t j = 0; j + 1 < rows[b].size(); ++j) {
            if (!sequences[b].copies[j]) continue;
            ASSERT_NE(sequences[b].items[j], sequences[b].items.back());
            for (std::size_t i = 0; i < 4; ++i) {
              products += static_cast<double>(rows[b][j][i]) * rows[b].back()[i];
              ++n;
            }
          }
        }
      }
    }
    EXPECT_EQ(all.size(), count);
    ASSERT_GT(n, 1000);
    EXPECT_GT(test::normal_p(products / std::sqrt(n)), test::rare);
  }
}

TEST(TaskNoise, OfTrainingFollowsTheSeedOfDataAndThatOfEvaluationsTheirs) {
  config::Config config = with_noise(configuration(16, 5), 0.5);
  const Bench bench(config);
  config.seed.data = 1;
  const Bench other_data(config);
  EXPECT_EQ(bench.draw(Kind::icl, 1, 0, 10), other_data.draw(Kind::icl, 1, 0, 10));
  EXPECT_NE(bench.draw(Kind::training, 1, 0, 10), other_data.draw(Kind::training, 1, 0, 10));
}

// --- Every option: batches are pure functions of (seed, step, sequence) ---

std::vector<config::Config> options() {
  std::vector<config::Config> all(7, configuration(40, 9));
  all[0].data.noise = 0.5;
  all[1].data.K = infinite;
  all[1].data.noise = 0.5;
  all[2].data.zipf = 1;
  all[3].data.bursty = 0.4;
  all[4].data.labels = config::LabelRule::equal_context;
  all[5].data.N = 8;
  all[5].data.labels = config::LabelRule::equal_sequence;
  all[6].data.K = infinite;
  all[6].data.labels = config::LabelRule::equal_context;
  return all;
}

TEST(TaskOptions, MakePureFunctionsOfSeedStepAndSequence) {
  for (const config::Config& config : options()) {
    expect_same_whoever_draws(Bench(config), Bench(config, 3));
  }
  const config::Config config = with_noise(configuration(40, 9, 2), 0.5);
  const GivenItems given{table_of(40, 4, 0), table_of(7, 3, 100), ""};
  expect_same_whoever_draws(Bench(config, 1, given), Bench(config, 3, given));
}

TEST(TaskOptions, HaveCopiesAsOftenAsTheySay) {
  config::Config config = configuration(40, 9);
  config.data.bursty = 0.4;
  const Bench bench(config);
  double with_copy = 0;
  over_sequences(bench, Kind::training, 20'000, [&](const Sequence& s) {
    with_copy += labels_of_copies(s).empty() ? 0 : 1;
    for (std::size_t j = 0; j < s.labels.size(); ++j) {
      ASSERT_EQ(s.copies[j], s.items[j] == s.items.back());
    }
  });
  EXPECT_GT(test::binomial_p(with_copy, 20'000, 0.4), test::rare);
  over_sequences(bench, Kind::icl, 1000,
                 [](const Sequence& s) { ASSERT_FALSE(labels_of_copies(s).empty()); });
}

// Zipf's law is that of the training items in training sequences; others are uniform.
TEST(TaskOptions, FollowZipfsLawInTrainingAlone) {
  config::Config config = configuration(12, 5);
  config.data.zipf = 1.5;
  for (const bool reads_context : {true, false}) {
    const Bench bench(config, 1, {}, reads_context);
    for (const Kind kind : bench.kinds()) {
      if (kind == Kind::probe) continue;
      const auto index =
          index_of(kind == Kind::icl ? bench.task.novel_items() : bench.task.training_items(),
                   bench.encoder);
      std::vector<double> firsts(12);
      over_sequences(bench, kind, 20'000, [&](const Sequence& s) {
        ++firsts[static_cast<std::size_t>(index.at(s.items.front()))];
      });
      std::vector<double> expected = zipf_weights(kind == Kind::training ? 1.5 : 0, 12);
      double total = 0;
      for (const double w : expected) total += w;
      for (double& w : expected) w *= 20'000 / total;
      EXPECT_GT(test::fit_p(firsts, expected), test::rare);
    }
  }
}

// --- Equal labels ---

std::int64_t surplus(const Sequence& s) {
  std::int64_t sum = 0;
  for (const int label : s.labels) sum += label;
  return sum;
}

// Of 60,000 sequences in 469 batches of 128 the last has 96; all begin with what they are without.
TEST(TaskOptions, EndAnEpochWithASmallerBatchAsPublished) {
  for (const config::Diversity item_count :
       {config::Diversity(50), config::Diversity::infinity()}) {
    config::Config config = configuration(50, 4);
    config.data.K = item_count;
    const Bench whole(config);
    config.compat.short_last_batch = true;
    const Bench bench(config);
    Batch batch = bench.task.make_batch(128);
    for (const auto& [step, size] :
         {std::pair{0U, 128}, {467U, 128}, {468U, 96}, {469U, 128}, {937U, 96}}) {
      bench.task.training_batch(step, 128, batch, bench.workers);
      EXPECT_EQ(batch.size, size) << step;
      const Sequences found = bench.read(batch);
      const Sequences all = whole.draw(Kind::training, step, 0, 128);
      EXPECT_TRUE(std::equal(found.begin(), found.end(), all.begin())) << step;
    }
  }
}

// The bursty rule keeps an item as the target if the context holds it, and otherwise takes one of
// the context, so that with n = N - 1 and shares p
//   q_1 = p_1 (1 - (1 - p_1)^n) + sum_{j > 1} p_j (1 - p_j)^n p_1 / (1 - p_j).
TEST(TaskOptions, MakeTargetsLessEvenThanZipfsLaw) {
  config::Config config = configuration(200, 20);
  config.data.zipf = 1.2;
  const Bench bench(config);
  const auto weights = zipf_weights(1.2, 200);
  double total = 0;
  for (const double w : weights) total += w;
  const double first = weights[0] / total;
  double expected = first * (1 - std::pow(1 - first, 19));
  for (std::size_t j = 1; j < weights.size(); ++j) {
    const double p = weights[j] / total;
    expected += p * std::pow(1 - p, 19) * first / (1 - p);
  }
  EXPECT_NEAR(first, 0.259, 0.0005);     // as experiments/systems.md says
  EXPECT_NEAR(expected, 0.381, 0.0005);  // so too
  constexpr int draws = 20'000;
  Batch batch = bench.task.make_batch(draws);
  bench.task.training_batch(0, draws, batch, bench.workers);
  double found = 0;
  for (int b = 0; b < draws; ++b) found += batch.items.row(b)[19] == 0 ? 1.0 / draws : 0;
  EXPECT_NEAR(found, expected, 5 * std::sqrt(expected * (1 - expected) / draws));
}

TEST(TaskOptions, HaveNoEqualBatchesWithoutARule) {
  EXPECT_FALSE(Bench(configuration(12, 5)).task.traits().label_rule);
}

// By the rule, the labels of a context sum up to 0, or with the answer to 0. On independent labels
// a context of 8 or 9 does so with probability 0.3 or less: 200 of 200 times never, by chance.
TEST(TaskOptions, EqualiseTrainingAndTheEqualEvaluationAlone) {
  for (const auto item_count : {config::Diversity(20), infinite}) {
    for (const bool sequence : {true, false}) {
      config::Config config = configuration(item_count, sequence ? 10 : 9);
      using enum config::LabelRule;
      config.data.labels = sequence ? equal_sequence : equal_context;
      const Bench bench(config);
      ASSERT_TRUE(bench.task.traits().label_rule);
      for (const Kind kind : bench.kinds()) {
        std::int64_t equal = 0;
        const std::int64_t size = kind == Kind::probe ? 20 : 200;
        for (const Sequence& s : bench.draw(kind, 4, 0, size)) {
          equal += surplus(s) + (sequence ? s.answer : 0) == 0 ? 1 : 0;
          ASSERT_EQ(labels_of_copies(s).empty(), kind == Kind::iwl);
          ASSERT_THAT(labels_of_copies(s), testing::Each(s.answer));
        }
        if (kind == Kind::training || kind == Kind::equal) {
          EXPECT_EQ(equal, size);
        } else {
          EXPECT_LT(equal, size);
        }
      }
    }
  }
}

TEST(TaskOptions, DrawEqualBatchesFromNovelItems) {
  config::Config config = configuration(20, 9);
  config.data.labels = config::LabelRule::equal_context;
  const Bench bench(config);
  const auto novel = index_of(bench.task.novel_items(), bench.encoder);
  std::vector<double> targets(20);
  over_sequences(bench, Kind::equal, 10'000, [&](const Sequence& s) {
    for (const Row& item : s.items) ASSERT_TRUE(novel.contains(item));
    ++targets[static_cast<std::size_t>(novel.at(s.items.back()))];
  });
  EXPECT_GT(test::uniform_p(targets), test::rare);
}

// --- Seeds ---

/// Without their labels.
bool same_items(const TokenTable& a, const TokenTable& b) {
  return std::ranges::equal(a.target.values(), b.target.values());
}

TEST(TaskSeeds, GiveEqualItemsToAllRunsWithItemSeeds) {
  for (const bool item_seeds : {true, false}) {
    config::Config config = configuration(50, 4);
    config.compat.item_seeds = item_seeds;
    const Bench five(config);
    config.train.seed = 6;
    const Bench six(config);
    EXPECT_EQ(same_items(five.task.training_items(), six.task.training_items()), item_seeds);
    EXPECT_EQ(same_items(five.task.novel_items(), six.task.novel_items()), item_seeds);
    EXPECT_NE(five.task.labels(), six.task.labels());  // published runs shuffle them anew
    EXPECT_NE(five.draw(Kind::training, 0, 0, 20), six.draw(Kind::training, 0, 0, 20));
    EXPECT_NE(five.draw(Kind::icl, 0, 0, 20), six.draw(Kind::icl, 0, 0, 20));
  }
}

TEST(TaskSeeds, OfNovelItemsChangeThemAlone) {
  config::Config config = configuration(50, 4);
  const Bench bench(config);
  config.seed.novel = 99;
  const Bench other(config);
  EXPECT_TRUE(same_items(bench.task.training_items(), other.task.training_items()));
  EXPECT_FALSE(same_items(bench.task.novel_items(), other.task.novel_items()));
  EXPECT_EQ(bench.task.labels(), other.task.labels());
  EXPECT_EQ(bench.draw(Kind::training, 0, 0, 20), other.draw(Kind::training, 0, 0, 20));
  EXPECT_EQ(bench.draw(Kind::iwl, 0, 0, 20), other.draw(Kind::iwl, 0, 0, 20));
  // The sequences are the same, of other items.
  const Sequences a = bench.draw(Kind::icl, 0, 0, 20);
  const Sequences b = other.draw(Kind::icl, 0, 0, 20);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].labels, b[i].labels);
    EXPECT_EQ(a[i].copies, b[i].copies);
    EXPECT_NE(a[i].items, b[i].items);
  }
  std::vector<float> x(3);
  ItemSource(99, Purpose::novel_items).draw(0, 7, x);
  EXPECT_EQ(other.encoder.item(other.task.novel_items().context.row(7)), Row(x.begin(), x.end()));
}

}  // namespace
}  // namespace icl::task
