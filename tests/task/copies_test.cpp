// data.label_count, data.copies, data.novel and eval.set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "core/statistics.hpp"
#include "support/errors.hpp"
#include "task/bench.hpp"

namespace icl::task {
namespace {

using Kind = Bench::Kind;

/// N = 9, D = 3.
config::Config with_copies(config::Diversity item_count, std::int64_t copies) {
  config::Config config = configuration(item_count, 9);
  config.data.copies = copies;
  return config;
}

/// How many context tokens hold each item.
std::map<std::vector<Real>, int> counts_of(const Sequence& s) {
  std::map<std::vector<Real>, int> counts;
  for (std::size_t j = 0; j + 1 < s.items.size(); ++j) ++counts[s.items[j]];
  return counts;
}

TEST(Copies, OfEachItemStandInTheContextAndTheTargetIsOneOfThem) {
  for (const auto& item_count : {config::Diversity(40), infinite}) {
    for (const std::int64_t copies : {1, 2, 4, 8}) {
      const Bench bench(with_copies(item_count, copies));
      for (const Kind kind : {Kind::training, Kind::icl}) {
        for (const Sequence& s : bench.draw(kind, 3, 0, 200)) {
          for (const auto& [item, count] : counts_of(s)) {
            EXPECT_EQ(count % copies, 0);  // an item may be drawn twice
            if (item_count == infinite) {
              EXPECT_EQ(count, copies);
            }
          }
          const auto of_target = std::ranges::count(s.copies, true);
          EXPECT_EQ(of_target, counts_of(s).at(s.items.back()));
          for (const int label : labels_of_copies(s)) EXPECT_EQ(label, s.answer);
        }
      }
      expect_same_whoever_draws(bench, Bench(bench.config, 3));
    }
  }
}

// With two items of four copies each, the 8! / (4! 4!) = 70 arrangements of a context are equally
// likely, and so are the two targets.
TEST(Copies, AreInRandomOrder) {
  for (const auto& item_count : {config::Diversity(1000), infinite}) {
    const Bench bench(with_copies(item_count, 4));
    std::map<unsigned, double> arrangements;
    double first_asked = 0;
    double n = 0;
    over_sequences(bench, Kind::training, 30'000, [&](const Sequence& s) {
      if (counts_of(s).size() < 2) return;
      unsigned arrangement = 0;
      for (std::size_t j = 0; j < 8; ++j) {
        arrangement = 2 * arrangement + (s.items[j] == s.items.front() ? 1 : 0);
      }
      ++arrangements[arrangement];
      first_asked += s.items.back() == s.items.front() ? 1 : 0;
      ++n;
    });
    std::vector<double> cells;
    for (const auto& [arrangement, count] : arrangements) cells.push_back(count);
    ASSERT_EQ(cells.size(), 35U);  // the first token's item is 1 in all
    EXPECT_GT(test::uniform_p(cells), test::rare);
    EXPECT_GT(test::normal_p((first_asked - n / 2) / std::sqrt(n / 4)), test::rare);
  }
}

TEST(Copies, StandAsOftenAsBurstySays) {
  config::Config config = with_copies(1000, 2);
  config.data.bursty = 0.25;
  const Bench bench(config);
  double bursty = 0;
  constexpr double n = 20'000;
  over_sequences(bench, Kind::training, 20'000, [&](const Sequence& s) {
    const auto copies = std::ranges::count(s.copies, true);
    EXPECT_EQ(copies % 2, 0);
    bursty += copies > 0 ? 1 : 0;
  });
  EXPECT_GT(test::normal_p((bursty - n * 0.25) / std::sqrt(n * 0.25 * 0.75)), test::rare);
}

TEST(Copies, OfFreshItemsHaveIndependentFairLabels) {
  config::Config config = with_copies(infinite, 4);
  config.model.system = config::System::blocks;
  config.data.label_count = 3;
  const Bench bench(config);
  std::vector<double> cells(9);
  over_sequences(bench, Kind::training, 20'000, [&](const Sequence& s) {
    std::map<std::vector<Real>, int> labels;
    for (std::size_t j = 0; j < 8; ++j) {
      EXPECT_EQ(labels.emplace(s.items[j], s.labels[j]).first->second, s.labels[j]);
    }
    const int other = std::ranges::find_if(labels, [&](const auto& one) {
                        return one.first != s.items.back();
                      })->second;
    ++cells[static_cast<std::size_t>(3 * (s.answer - 1) + other - 1)];
  });
  EXPECT_GT(test::uniform_p(cells), test::rare);
}

// ---- data.novel ---------------------------------------------------------------------------------

TEST(Novel, ItemsAndLabelsAreASequencesOwn) {
  for (const auto copies : {std::optional<std::int64_t>{}, std::optional<std::int64_t>{2}}) {
    config::Config config = configuration(40, 9);
    config.data.copies = copies;
    config.data.novel = 0.25;
    const Bench bench(config);
    const auto known = index_of(bench.task.training_items(), bench.encoder);
    double novel = 0;
    constexpr double n = 10'000;
    std::set<std::vector<Real>> seen;
    over_sequences(bench, Kind::training, 10'000, [&](const Sequence& s) {
      const bool first = known.contains(s.items.front());
      for (const auto& item : s.items) EXPECT_EQ(known.contains(item), first);
      EXPECT_GE(std::ranges::count(s.copies, true), copies.value_or(1));
      for (const int label : labels_of_copies(s)) EXPECT_EQ(label, s.answer);
      if (first) return;
      ++novel;
      EXPECT_TRUE(seen.insert(s.items.front()).second);
    });
    EXPECT_GT(test::normal_p((novel - n * 0.25) / std::sqrt(n * 0.25 * 0.75)), test::rare);
    // Evaluations hold none of them.
    for (const Sequence& s : bench.draw(Kind::iwl, 1, 0, 200)) {
      for (const auto& item : s.items) EXPECT_TRUE(known.contains(item));
    }
    expect_same_whoever_draws(bench, Bench(config, 3));
  }
}

TEST(Novel, LeavesTheOtherSequencesAsTheyWere) {
  config::Config config = configuration(40, 9);
  const Bench without(config);
  config.data.novel = 0.5;
  const Bench with(config);
  const auto known = index_of(with.task.training_items(), with.encoder);
  const Sequences a = without.draw(Kind::training, 4, 0, 400);
  const Sequences b = with.draw(Kind::training, 4, 0, 400);
  std::size_t same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!known.contains(b[i].items.front())) continue;
    EXPECT_EQ(a[i], b[i]);
    ++same;
  }
  EXPECT_GT(same, 100U);
  EXPECT_LT(same, 300U);
}

// ---- Labels -------------------------------------------------------------------------------------

TEST(ManyLabels, StandOnItemsAndInEvaluations) {
  config::Config config = configuration(70, 9);
  config.model.system = config::System::blocks;
  config.data.label_count = 7;
  const Bench bench(config);
  const auto index = index_of(bench.task.training_items(), bench.encoder);
  for (const Kind kind : {Kind::training, Kind::iwl}) {
    std::vector<double> counts(7);
    for (const Sequence& s : bench.draw(kind, 2, 0, 500)) {
      const auto label_of = [&](std::size_t j) {
        return bench.task.labels()[static_cast<std::size_t>(index.at(s.items[j]))];
      };
      for (std::size_t j = 0; j + 1 < s.items.size(); ++j) EXPECT_EQ(s.labels[j], label_of(j));
      EXPECT_EQ(s.answer, label_of(8));
      ++counts[static_cast<std::size_t>(s.answer - 1)];
    }
    EXPECT_GT(test::uniform_p(counts), test::rare);
  }
}

// ---- eval.set -----------------------------------------------------------------------------------

/// Sequences of the set of that name.
Sequences named(const Bench& bench, const std::string& name, std::int64_t first = 0,
                std::int64_t size = 200, std::uint64_t step = 5) {
  const auto sets = sets_of(bench.config);
  const auto at = std::ranges::find(sets, name, &SetOfRun::name) - sets.begin();
  Batch batch = bench.task.make_batch(size);
  bench.task.evaluation_batch(static_cast<std::size_t>(at), step, first, size, batch,
                              bench.workers);
  return bench.read(batch);
}

config::Config with_sets(config::Diversity item_count, const std::string& sets) {
  config::Config config = configuration(item_count, 9);
  config.eval.set = sets;
  return config;
}

TEST(NamedSets, HoldTheItemsThatTheySay) {
  const Bench bench(with_sets(40,
                              "old items=training, new items=novel copies=2, "
                              "bare items=training copies=0, few items=training support=3"));
  EXPECT_EQ(bench.task.sets(), evaluation_sets.size() + 4);
  const auto training = index_of(bench.task.training_items(), bench.encoder);
  const auto novel = index_of(bench.task.novel_items(), bench.encoder);
  for (const Sequence& s : named(bench, "old")) {
    for (const auto& item : s.items) EXPECT_TRUE(training.contains(item));
    EXPECT_GE(std::ranges::count(s.copies, true), 1);
  }
  for (const Sequence& s : named(bench, "new")) {
    for (const auto& [item, count] : counts_of(s)) {
      EXPECT_TRUE(novel.contains(item));
      EXPECT_EQ(count % 2, 0);
    }
  }
  for (const Sequence& s : named(bench, "bare")) {
    EXPECT_EQ(std::ranges::count(s.copies, true), 0);
    for (const auto& [item, count] : counts_of(s)) EXPECT_EQ(count, 1);
    EXPECT_EQ(s.answer, bench.task.labels()[static_cast<std::size_t>(training.at(s.items.back()))]);
  }
  for (const Sequence& s : named(bench, "few")) {
    for (const auto& item : s.items) EXPECT_LT(training.at(item), 3);
  }
}

TEST(NamedSets, OfOtherLabelsAskForThoseOfTheContext) {
  for (const std::int64_t count : {0, 2, 5}) {
    config::Config config = with_sets(
        40, "other items=training labels=flipped copies=2, anew items=training labels=novel");
    config.model.system = config::System::blocks;
    if (count > 0) config.data.label_count = count;
    const Bench bench(config);
    const auto index = index_of(bench.task.training_items(), bench.encoder);
    const auto own = [&](const std::vector<Real>& item) {
      return bench.task.labels()[static_cast<std::size_t>(index.at(item))];
    };
    for (const Sequence& s : named(bench, "other")) {
      for (std::size_t j = 0; j + 1 < s.items.size(); ++j) {
        const Label label = own(s.items[j]);
        EXPECT_EQ(s.labels[j], count == 0 ? -label : label % count + 1);
      }
      for (const int label : labels_of_copies(s)) EXPECT_EQ(s.answer, label);
    }
    std::map<int, double> fresh;
    for (const Sequence& s : named(bench, "anew", 0, 2000)) {
      std::map<std::vector<Real>, int> labels;
      for (std::size_t j = 0; j + 1 < s.items.size(); ++j) {
        EXPECT_EQ(labels.emplace(s.items[j], s.labels[j]).first->second, s.labels[j]);
      }
      EXPECT_EQ(s.answer, labels.at(s.items.back()));
      ++fresh[s.answer];
    }
    std::vector<double> cells;
    for (const auto& [label, n] : fresh) cells.push_back(n);
    ASSERT_EQ(cells.size(), count == 0 ? 2U : static_cast<std::size_t>(count));
    EXPECT_GT(test::uniform_p(cells), test::rare);
  }
}

TEST(NamedSets, DependOnTheirNamesAndTheStepAndOnNothingBesides) {
  const Bench one(with_sets(40, "a items=novel, b items=novel"));
  const Bench other(with_sets(40, "c items=training, b items=novel"), 3);
  EXPECT_EQ(named(one, "b"), named(other, "b"));
  EXPECT_NE(named(one, "a"), named(one, "b"));
  EXPECT_NE(named(one, "b"), named(one, "b", 0, 200, 6));
  const Sequences whole = named(one, "b", 0, 100);
  const Sequences part = named(other, "b", 30, 50);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 30));
  // What is trained on, and the sets that every run has, stay as they are.
  const Bench without(configuration(40, 9));
  for (const Kind kind : {Kind::training, Kind::icl, Kind::iwl}) {
    EXPECT_EQ(without.draw(kind, 5, 0, 100), one.draw(kind, 5, 0, 100));
  }
}

TEST(NamedSets, OfFreshItemsHaveCopies) {
  const Bench bench(with_sets(infinite, "twice items=novel copies=2"));
  for (const Sequence& s : named(bench, "twice")) {
    for (const auto& [item, count] : counts_of(s)) EXPECT_EQ(count, 2);
  }
}

TEST(NamedSets, OfMoreItemsThanThereAreAreRefused) {
  config::Config config = with_sets(60'000, "most items=novel support=30000");
  EXPECT_EQ(test::message_of(ExitCode::usage, [&] { Bench bench(config); }),
            "eval.set: \"most\" draws from 30000 novel items, and there are 20000");
}

}  // namespace
}  // namespace icl::task
