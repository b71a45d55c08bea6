#include "icl/task/item_label.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <set>
#include <vector>

#include "core/statistics.hpp"
#include "task/bench.hpp"

namespace icl::task {
namespace {

using Kind = Bench::Kind;

// --- Items ---

TEST(TaskItems, AreThoseOfTheirSourcesWithAndWithoutLabel) {
  const Bench bench(configuration(600, 4, 5));  // more than one tile of items
  const Seeds seeds(bench.config);
  EXPECT_EQ(bench.task.labels(), draw_labels(seeds.items, 600));
  for (const auto& [table, purpose] :
       {std::pair{&bench.task.training_items(), Purpose::training_items},
        std::pair{&bench.task.novel_items(), Purpose::novel_items}}) {
    const ItemSource source(seeds.items, purpose);
    ASSERT_EQ(table->context.extent(0), 600);
    ASSERT_EQ(table->target.extent(0), 600);
    for (std::int64_t k = 0; k < 600; ++k) {
      std::vector<float> x(5);
      source.draw(0, static_cast<std::uint64_t>(k), x);
      const std::vector<Real> item(x.begin(), x.end());
      ASSERT_EQ(bench.encoder.item(table->context.row(k)), item);
      ASSERT_EQ(bench.encoder.item(table->target.row(k)), item);
      // A novel item has the label of the training item of its index.
      ASSERT_EQ(bench.encoder.label(table->context.row(k)),
                bench.task.labels()[static_cast<std::size_t>(k)]);
      ASSERT_EQ(bench.encoder.label(table->target.row(k)), 0);
    }
  }
}

TEST(TaskItems, NovelOnesNumberAtMost20000) {
  EXPECT_EQ(Bench(configuration(16, 2, 1)).task.novel_items().context.extent(0), 16);
  EXPECT_EQ(Bench(configuration(20000, 2, 1)).task.novel_items().context.extent(0), 20000);
  const Bench bench(configuration(20002, 2, 1));
  EXPECT_EQ(bench.task.novel_items().context.extent(0), 20000);
  EXPECT_EQ(bench.task.training_items().context.extent(0), 20002);
}

TEST(TaskItems, DoNotDependOnTheNumberOfWorkers) {
  const Bench one(configuration(700, 4), 1);
  for (const int threads : {2, 3, 8}) {
    const Bench other(configuration(700, 4), threads);
    EXPECT_TRUE(std::ranges::equal(one.task.training_items().context.values(),
                                   other.task.training_items().context.values()));
    EXPECT_TRUE(std::ranges::equal(one.task.novel_items().target.values(),
                                   other.task.novel_items().target.values()));
  }
}

TEST(TaskItems, DependOnTheSeedOfItemsAlone) {
  config::Config config = configuration(50, 4);
  config.seed.items = 77;
  const Bench bench(config);
  config.train.seed = 6;  // changes data, eval and init
  const Bench same(config);
  config.seed.items = 78;
  const Bench other(config);
  const auto items = [](const Bench& b) { return b.task.training_items().context.values(); };
  EXPECT_TRUE(std::ranges::equal(items(bench), items(same)));
  EXPECT_FALSE(std::ranges::equal(items(bench), items(other)));
  EXPECT_EQ(bench.task.labels(), same.task.labels());
  EXPECT_NE(bench.task.labels(), other.task.labels());
  EXPECT_NE(bench.draw(Kind::training, 0, 0, 20), same.draw(Kind::training, 0, 0, 20));
}

TEST(TaskItems, DoNotExistAtInfiniteDiversity) {
  const Bench bench(configuration(infinite, 4));
  EXPECT_FALSE(bench.task.traits().training_items);
  EXPECT_TRUE(bench.task.training_items().context.empty());
  EXPECT_TRUE(bench.task.labels().empty());
  EXPECT_TRUE(Bench(configuration(4, 4)).task.traits().training_items);
}

// --- What every sequence keeps to ---

struct Setting {
  config::Diversity item_count;
  std::int64_t length;
};

std::ostream& operator<<(std::ostream& stream, const Setting& setting) {
  stream << "K = ";
  setting.item_count.is_infinite() ? stream << "inf" : stream << setting.item_count.count();
  return stream << ", N = " << setting.length;
}

class TaskRules : public testing::TestWithParam<Setting> {
 protected:
  Bench bench_{configuration(GetParam().item_count, GetParam().length)};
};

TEST_P(TaskRules, TrainingAndIclSequencesHoldTheTargetAndItsLabel) {
  for (const Kind kind : {Kind::training, Kind::icl}) {
    for (std::uint64_t step = 0; step < 5; ++step) {
      for (const Sequence& s : bench_.draw(kind, step, 0, 200)) {
        const auto labels = labels_of_copies(s);
        ASSERT_FALSE(labels.empty());
        ASSERT_THAT(labels, testing::Each(s.answer));
        for (const int label : s.labels) ASSERT_TRUE(label == 1 || label == -1);
        for (std::size_t j = 0; j < s.labels.size(); ++j) {
          ASSERT_EQ(s.copies[j], s.items[j] == s.items.back());
        }
      }
    }
  }
}

TEST_P(TaskRules, IwlSequencesHoldNothingTwice) {
  if (!bench_.task.traits().training_items) return;
  const auto index = index_of(bench_.task.training_items(), bench_.encoder);
  for (std::uint64_t step = 0; step < 5; ++step) {
    for (const Sequence& s : bench_.draw(Kind::iwl, step, 0, 200)) {
      ASSERT_EQ(std::set(s.items.begin(), s.items.end()).size(), s.items.size());
      ASSERT_THAT(s.copies, testing::Each(false));
      ASSERT_EQ(s.answer, bench_.task.labels()[static_cast<std::size_t>(index.at(s.items.back()))]);
    }
  }
}

TEST_P(TaskRules, TrainingAndIwlUseTrainingItemsAndIclNovelOnes) {
  if (!bench_.task.traits().training_items) return;
  const auto training = index_of(bench_.task.training_items(), bench_.encoder);
  const auto novel = index_of(bench_.task.novel_items(), bench_.encoder);
  for (const auto& [kind, items] :
       {std::pair{Kind::training, &training}, std::pair{Kind::iwl, &training},
        std::pair{Kind::icl, &novel}}) {
    for (const Sequence& s : bench_.draw(kind, 3, 0, 200)) {
      for (std::size_t j = 0; j < s.items.size(); ++j) {
        const auto found = items->find(s.items[j]);
        ASSERT_NE(found, items->end());
        const int label = bench_.task.labels()[static_cast<std::size_t>(found->second)];
        ASSERT_EQ(j < s.labels.size() ? s.labels[j] : s.answer, label);
      }
    }
  }
}

TEST_P(TaskRules, BatchesDoNotDependOnWhoDrawsThemOrHow) {
  constexpr std::int64_t size = 100;  // several tiles of sequences, the last one cut
  std::vector<Kind> kinds{Kind::training, Kind::icl};
  if (bench_.task.traits().training_items) kinds.push_back(Kind::iwl);
  for (const Kind kind : kinds) {
    const Sequences whole = bench_.draw(kind, 9, 0, size);
    // Other workers, a batch used before, other steps in between.
    for (const int threads : {1, 3, 8}) {
      const Bench other(bench_.config, threads);
      Batch batch = other.task.make_batch(size + 7);
      (void)other.draw(kind, 10, 0, size + 7, batch);
      (void)other.draw(Kind::icl, 9, 0, 5, batch);
      EXPECT_EQ(other.draw(kind, 9, 0, size, batch), whole) << threads << " workers";
    }
    // Fewer: the first ones of the same.
    const Sequences few = bench_.draw(kind, 9, 0, 19);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), whole.begin()));
    // In parts, the last part first.
    if (kind == Kind::training) continue;
    for (const std::int64_t part : {1, 16, 30, 64}) {
      for (std::int64_t first = (size - 1) / part * part; first >= 0; first -= part) {
        const std::int64_t count = std::min(part, size - first);
        const Sequences cut = bench_.draw(kind, 9, first, count);
        ASSERT_TRUE(std::equal(cut.begin(), cut.end(), whole.begin() + first))
            << "part of " << part << " at " << first;
      }
    }
  }
}

// 40 sequences of at least two possible ones: two batches are equal by chance with probability
// 2^-40 at most.
TEST_P(TaskRules, StepsAndKindsAndDataSeedsDiffer) {
  std::vector<Kind> kinds{Kind::training, Kind::icl};
  if (bench_.task.traits().training_items) kinds.push_back(Kind::iwl);
  for (const Kind kind : kinds) {
    EXPECT_NE(bench_.draw(kind, 0, 0, 40), bench_.draw(kind, 1, 0, 40));
    EXPECT_NE(bench_.draw(kind, 1, 0, 40), bench_.draw(kind, 469, 0, 40));
  }
  EXPECT_NE(bench_.draw(Kind::icl, 0, 0, 40), bench_.draw(Kind::icl, 0, 40, 40));
  config::Config config = bench_.config;
  config.seed.data = 1;
  const Bench other_data(config);
  EXPECT_NE(bench_.draw(Kind::training, 0, 0, 40), other_data.draw(Kind::training, 0, 0, 40));
  EXPECT_EQ(bench_.draw(Kind::icl, 0, 0, 40), other_data.draw(Kind::icl, 0, 0, 40));
  config.seed.data.reset();
  config.seed.eval = 1;
  const Bench other_eval(config);
  EXPECT_EQ(bench_.draw(Kind::training, 0, 0, 40), other_eval.draw(Kind::training, 0, 0, 40));
  EXPECT_NE(bench_.draw(Kind::icl, 0, 0, 40), other_eval.draw(Kind::icl, 0, 0, 40));
}

INSTANTIATE_TEST_SUITE_P(Settings, TaskRules,
                         testing::Values(Setting{2, 2}, Setting{6, 6}, Setting{16, 6},
                                         Setting{300, 40}, Setting{20002, 5}, Setting{infinite, 2},
                                         Setting{infinite, 30}));

// --- Statistics over sequences ---

TEST(TaskStatistics, AnswersAreFairAndTargetsUniform) {
  const Bench bench(configuration(12, 5));
  for (const Kind kind : {Kind::training, Kind::icl, Kind::iwl}) {
    const auto index = index_of(
        kind == Kind::icl ? bench.task.novel_items() : bench.task.training_items(), bench.encoder);
    std::vector<double> targets(12), firsts(12);
    double up = 0;
    over_sequences(bench, kind, 30'000, [&](const Sequence& s) {
      ++targets[static_cast<std::size_t>(index.at(s.items.back()))];
      ++firsts[static_cast<std::size_t>(index.at(s.items.front()))];
      up += s.answer == 1 ? 1 : 0;
    });
    EXPECT_GT(test::uniform_p(targets), test::rare);
    EXPECT_GT(test::uniform_p(firsts), test::rare);
    EXPECT_GT(test::binomial_p(up, 30'000, 0.5), test::rare);
  }
}

// In IWL sequences the context must not give the answer away: an item that is not the target has
// its label with probability (K/2 - 1) / (K - 1), no more. The labels of one context are not
// independent, so only the first is counted.
TEST(TaskStatistics, IwlContextsTellNothingBeyondTheBalanceOfLabels) {
  const Bench bench(configuration(12, 5));
  double equal = 0;
  over_sequences(bench, Kind::iwl, 30'000,
                 [&](const Sequence& s) { equal += s.labels[0] == s.answer ? 1 : 0; });
  EXPECT_GT(test::binomial_p(equal, 30'000, 5.0 / 11), test::rare);
}

// Sequence b of step s, of each kind: were two kinds drawn from the same words, their targets would
// go together. All seeds are equal here, so that only the purposes keep them apart.
TEST(TaskStatistics, TrainingIclAndIwlAreIndependent) {
  config::Config config = configuration(6, 4);
  config.seed = {.init = 1, .items = 1, .labels = 1, .novel = 1, .data = 1, .eval = 1, .probe = 1};
  const Bench bench(config);
  const auto training = index_of(bench.task.training_items(), bench.encoder);
  const auto novel = index_of(bench.task.novel_items(), bench.encoder);
  std::vector<double> icl(36), iwl(36), steps(36);
  for (std::uint64_t step = 0; step < 30; ++step) {
    const Sequences a = bench.draw(Kind::training, step, 0, 1000);
    const Sequences b = bench.draw(Kind::icl, step, 0, 1000);
    const Sequences c = bench.draw(Kind::iwl, step, 0, 1000);
    const Sequences d = bench.draw(Kind::training, step + 1000, 0, 1000);
    for (std::size_t i = 0; i < 1000; ++i) {
      const auto target = static_cast<std::size_t>(training.at(a[i].items.back()));
      ++icl[6 * target + static_cast<std::size_t>(novel.at(b[i].items.back()))];
      ++iwl[6 * target + static_cast<std::size_t>(training.at(c[i].items.back()))];
      ++steps[6 * target + static_cast<std::size_t>(training.at(d[i].items.back()))];
    }
  }
  EXPECT_GT(test::uniform_p(icl), test::rare);
  EXPECT_GT(test::uniform_p(iwl), test::rare);
  EXPECT_GT(test::uniform_p(steps), test::rare);
}

TEST(TaskStatistics, AtInfiniteDiversityLabelsAreFairAndPlacesUniform) {
  const Bench bench(configuration(infinite, 4, 2));
  for (const Kind kind : {Kind::training, Kind::icl}) {
    std::vector<double> cells(8 * 3);
    over_sequences(bench, kind, 30'000, [&](const Sequence& s) {
      std::size_t cell = 0;
      for (const int label : s.labels) cell = 2 * cell + (label == 1 ? 1 : 0);
      const auto copy = std::ranges::find(s.items, s.items.back()) - s.items.begin();
      ++cells[3 * cell + static_cast<std::size_t>(copy)];
    });
    EXPECT_GT(test::uniform_p(cells), test::rare);
  }
}

// --- K = infinity ---

// Items of seven entries of 24 random bits never come twice; only the target's copy is equal to it.
TEST(TaskAtInfiniteDiversity, EveryItemIsFresh) {
  const Bench bench(configuration(infinite, 6, 7));
  std::set<std::vector<Real>> items;
  std::size_t drawn = 0;
  for (const Kind kind : {Kind::training, Kind::icl}) {
    for (std::uint64_t step = 0; step < 10; ++step) {
      for (const Sequence& s : bench.draw(kind, step, 0, 100)) {
        items.insert(s.items.begin(), s.items.end() - 1);
        drawn += s.items.size() - 1;
        ASSERT_EQ(labels_of_copies(s).size(), 1U);
      }
    }
  }
  EXPECT_EQ(items.size(), drawn);
}

TEST(TaskAtInfiniteDiversity, TheTargetIsItsCopyWithoutLabel) {
  const Bench bench(configuration(infinite, 6));
  Batch batch = bench.task.make_batch(50);
  bench.task.training_batch(4, 50, batch, bench.workers);
  for (std::int64_t b = 0; b < 50; ++b) {
    const Sequence s = read_sequence(batch, b, bench.encoder);
    const Real* const target = batch.table->target.row(batch.items.row(b)[5]);
    EXPECT_EQ(bench.encoder.label(target), 0);
    EXPECT_EQ(std::ranges::count(s.copies, true), 1);
    EXPECT_EQ(
        s.items[static_cast<std::size_t>(std::ranges::find(s.copies, true) - s.copies.begin())],
        s.items.back());
    EXPECT_EQ(labels_of_copies(s), std::vector<int>{s.answer});
  }
}

// Entries times sqrt(D) have mean 0 and mean square 1 with variances 1/n and 2/n.
TEST(TaskAtInfiniteDiversity, ItemsAreNormal) {
  const Bench bench(configuration(infinite, 11, 7));
  for (const Kind kind : {Kind::training, Kind::icl}) {
    double sum = 0, squares = 0, n = 0;
    over_sequences(bench, kind, 2000, [&](const Sequence& s) {
      for (std::size_t j = 0; j + 1 < s.items.size(); ++j) {
        for (const Real entry : s.items[j]) {
          sum += entry * std::sqrt(7.0);
          squares += entry * entry * 7.0;
          ++n;
        }
      }
    });
    EXPECT_GT(test::normal_p(sum / std::sqrt(n)), test::rare);
    EXPECT_GT(test::normal_p((squares - n) / std::sqrt(2 * n)), test::rare);
  }
}

}  // namespace
}  // namespace icl::task
