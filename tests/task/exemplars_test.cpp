#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "core/statistics.hpp"
#include "icl/core/error.hpp"
#include "task/bench.hpp"
#include "task/given.hpp"

namespace icl::task {
namespace {

using Kind = Bench::Kind;
using Labels = std::vector<Label>;

constexpr std::int64_t first_novel = 100;
const Labels training_labels{1, -1, -1, 1, -1, 1};
const Labels novel_labels{-1, 1, 1, -1, 1};

/// Six classes for training with `exemplars` rows each, five novel ones with two.
GivenItems given(std::int64_t exemplars) {
  return {.training = table_of(6, exemplars, 0, training_labels),
          .novel = table_of(5, 2, first_novel, novel_labels),
          .hash = ""};
}

Bench bench_of(std::int64_t exemplars, std::int64_t length = 5, int threads = 1) {
  return Bench(configuration(6, length, 2), threads, given(exemplars));
}

/// The label of a row's class.
int label_of(std::span<const Real> row) {
  const std::int64_t k = class_of(row);
  return k < first_novel ? training_labels.at(static_cast<std::size_t>(k))
                         : novel_labels.at(static_cast<std::size_t>(k - first_novel));
}

TEST(GivenItems, AreEncodedRowByRow) {
  const Bench bench = bench_of(3);
  EXPECT_EQ(bench.task.labels(), training_labels);
  for (const auto& [table, classes, exemplars, first] :
       {std::tuple{&bench.task.training_items(), 6, 3, 0},
        std::tuple{&bench.task.novel_items(), 5, 2, 100}}) {
    ASSERT_EQ(table->context.extent(0), classes * exemplars);
    ASSERT_EQ(table->target.extent(0), classes * exemplars);
    for (std::int64_t row = 0; row < classes * exemplars; ++row) {
      const std::vector<Real> x{static_cast<Real>(first + row / exemplars),
                                static_cast<Real>(row % exemplars)};
      ASSERT_EQ(bench.encoder.item(table->context.row(row)), x);
      ASSERT_EQ(bench.encoder.item(table->target.row(row)), x);
      ASSERT_EQ(bench.encoder.label(table->context.row(row)), label_of(x));
      ASSERT_EQ(bench.encoder.label(table->target.row(row)), 0);
    }
  }
}

// As for Gaussian items: labels from the seed of the items, and novel class i has that of training
// class i (modulo K).
TEST(GivenItems, WithoutLabelsAreGivenSome) {
  const config::Config config = configuration(4, 3, 2);
  const Bench bench(config, 1, GivenItems{table_of(4, 1, 0), table_of(6, 1, 100), ""});
  const Labels labels = draw_labels(Seeds(config).items, 4);
  EXPECT_EQ(bench.task.labels(), labels);
  const Labels novel = draw_labels(Seeds(config).novel, 6);
  for (std::int64_t k = 0; k < 6; ++k) {
    EXPECT_EQ(bench.encoder.label(bench.task.novel_items().context.row(k)),
              novel[static_cast<std::size_t>(k)]);
  }
}

TEST(Exemplars, OfCopiesAreOthersThanTheTargets) {
  for (const std::int64_t exemplars : {2, 3, 10}) {
    const Bench bench = bench_of(exemplars);
    for (const Kind kind : {Kind::training, Kind::icl, Kind::probe}) {
      for (const Sequence& s : bench.draw(kind, 3, 0, kind == Kind::probe ? 6 : 1000)) {
        const std::vector<Real>& target = s.items.back();
        ASSERT_EQ(class_of(target) >= first_novel, kind == Kind::icl);
        ASSERT_EQ(s.answer, label_of(target));
        ASSERT_THAT(s.copies, testing::Contains(true));
        for (std::size_t j = 0; j < s.labels.size(); ++j) {
          ASSERT_EQ(s.labels[j], label_of(s.items[j]));
          ASSERT_EQ(s.copies[j], class_of(s.items[j]) == class_of(target));
          ASSERT_NE(s.items[j], target);
        }
      }
    }
  }
}

TEST(Exemplars, OfIwlSequencesAreOfDistinctClasses) {
  const Bench bench = bench_of(3, 6);
  for (const Sequence& s : bench.draw(Kind::iwl, 3, 0, 1000)) {
    std::set<std::int64_t> classes;
    for (const auto& item : s.items) classes.insert(class_of(item));
    ASSERT_EQ(classes.size(), 6U);
    ASSERT_THAT(s.copies, testing::Each(false));
    ASSERT_EQ(s.answer, label_of(s.items.back()));
  }
}

TEST(Exemplars, ThatAreSingleAreTheirOwnCopies) {
  const Bench bench = bench_of(1);
  for (const Sequence& s : bench.draw(Kind::training, 3, 0, 1000)) {
    for (std::size_t j = 0; j < s.labels.size(); ++j) {
      ASSERT_EQ(s.copies[j], s.items[j] == s.items.back());
    }
  }
}

// The exemplars of the target and its first copy: 4 x 3 ordered pairs. Of another token: any, with
// any of the target: 4 x 4.
TEST(Exemplars, AreUniform) {
  constexpr std::size_t E = 4;
  const Bench bench = bench_of(E);
  for (const Kind kind : {Kind::training, Kind::iwl}) {
    std::vector<double> copies(E * E), others(E * E), targets(6 * E);
    over_sequences(bench, kind, 40'000, [&](const Sequence& s) {
      const auto of_target = static_cast<std::size_t>(exemplar_of(s.items.back()));
      ++targets[E * static_cast<std::size_t>(class_of(s.items.back())) + of_target];
      const auto count = [&](bool copy, std::vector<double>& cells) {
        const auto at = std::ranges::find(s.copies, copy) - s.copies.begin();
        if (at == static_cast<std::ptrdiff_t>(s.copies.size())) return;
        const auto& item = s.items[static_cast<std::size_t>(at)];
        ++cells[E * of_target + static_cast<std::size_t>(exemplar_of(item))];
      };
      count(true, copies);
      count(false, others);
    });
    EXPECT_GT(test::uniform_p(targets), test::rare);
    EXPECT_GT(test::uniform_p(others), test::rare);
    if (kind == Kind::iwl) continue;
    for (std::size_t e = E; e-- > 0;) {
      EXPECT_EQ(copies[E * e + e], 0);
      copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(E * e + e));
    }
    EXPECT_GT(test::uniform_p(copies), test::rare);
  }
}

// The classes are those that single exemplars have: exemplars are drawn from words of their own.
TEST(Exemplars, DoNotChangeTheClasses) {
  const Bench one = bench_of(1);
  const Bench several = bench_of(7);
  for (const Kind kind : {Kind::training, Kind::iwl}) {
    const Sequences a = one.draw(kind, 2, 0, 100);
    const Sequences b = several.draw(kind, 2, 0, 100);
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < a[i].items.size(); ++j) {
        ASSERT_EQ(class_of(a[i].items[j]), class_of(b[i].items[j]));
      }
      ASSERT_EQ(a[i].labels, b[i].labels);
      ASSERT_EQ(a[i].copies, b[i].copies);
    }
  }
}

// With novel items of one label guessing would pass for in-context learning; the label rules need
// training items of both labels too.
TEST(GivenItems, OfOneLabelAreRefused) {
  config::Config config = configuration(6, 5, 2);
  const auto make = [&](const Labels& training, const Labels& novel) {
    const auto count = static_cast<std::int64_t>(novel.size());
    (void)Bench(config, 1,
                GivenItems{table_of(6, 1, 0, training), table_of(count, 1, 9, novel), ""});
  };
  EXPECT_NO_THROW(make(training_labels, {1, -1}));
  config.data.labels = config::LabelRule::equal_context;
  EXPECT_NO_THROW(make(training_labels, {1, -1}));
  for (const auto& [training, novel] :
       {std::pair{training_labels, Labels{1}}, std::pair{training_labels, Labels{-1, -1}},
        std::pair{Labels{1, 1, 1, 1, 1, 1}, Labels{1, -1}}}) {
    try {
      make(training, novel);
      ADD_FAILURE() << "not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), testing::AnyOf(testing::HasSubstr("both labels"),
                                               testing::HasSubstr("guessing")));
    }
  }
}

}  // namespace
}  // namespace icl::task
