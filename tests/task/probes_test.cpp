#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "core/statistics.hpp"
#include "task/bench.hpp"
#include "task/given.hpp"

namespace icl::task {
namespace {

using Kind = Bench::Kind;

config::Config with_sequences(config::Config config, std::int64_t sequences) {
  config.probe.sequences = sequences;
  return config;
}

/// What a copy of the target shows with each CopyLabel.
int expected_label(CopyLabel label, int its_own) {
  switch (label) {
    case CopyLabel::negative:
      return -1;
    case CopyLabel::none:
      return 0;
    case CopyLabel::positive:
      return 1;
    case CopyLabel::its_own:
      break;
  }
  return its_own;
}

TEST(ProbeSequences, NumberAtMostTheItems) {
  EXPECT_EQ(Bench(with_sequences(configuration(16, 4), 256)).task.probe_sequences(), 16);
  EXPECT_EQ(Bench(with_sequences(configuration(300, 4), 256)).task.probe_sequences(), 256);
  EXPECT_EQ(Bench(with_sequences(configuration(infinite, 4), 256)).task.probe_sequences(), 256);
}

TEST(ProbeSequences, HaveEachItemAsTargetOnceWhereTheyCan) {
  for (const std::int64_t sequences : {64, 1000}) {
    for (const bool reads_context : {true, false}) {
      const Bench bench(with_sequences(configuration(64, 5), sequences), 2, {}, reads_context);
      ASSERT_EQ(bench.task.probe_sequences(), 64);
      const auto index = index_of(bench.task.training_items(), bench.encoder);
      for (const std::uint64_t step : {0U, 469U}) {
        std::set<std::int64_t> targets;
        for (const Sequence& s : bench.draw(Kind::probe, step, 0, 64)) {
          const std::int64_t target = index.at(s.items.back());
          targets.insert(target);
          EXPECT_EQ(s.answer, bench.task.labels()[static_cast<std::size_t>(target)]);
          EXPECT_EQ(labels_of_copies(s).empty(), !reads_context);
        }
        EXPECT_EQ(targets.size(), 64U);
      }
    }
  }
}

// With fewer sequences than items they are bursty ones of training items.
TEST(ProbeSequences, AreBurstyWhereThereAreMoreItems) {
  const Bench bench(with_sequences(configuration(30, 5), 20));
  const auto index = index_of(bench.task.training_items(), bench.encoder);
  std::vector<double> targets(30);
  for (std::uint64_t step = 0; step < 1000; ++step) {
    for (const Sequence& s : bench.draw(Kind::probe, step, 0, 20)) {
      ++targets[static_cast<std::size_t>(index.at(s.items.back()))];
      ASSERT_FALSE(labels_of_copies(s).empty());
      ASSERT_THAT(labels_of_copies(s), testing::Each(s.answer));
    }
  }
  EXPECT_GT(test::uniform_p(targets), test::rare);
}

// Whatever training does, probes look at sequences with a copy of the target.
TEST(ProbeSequences, HoldACopyUnderEveryRuleOfTraining) {
  std::vector<config::Config> configs(4, with_sequences(configuration(30, 8), 20));
  configs[0].data.bursty = 0;
  configs[1].data.labels = config::LabelRule::equal_sequence;
  configs[2].data.zipf = 1;
  configs[3].data.noise = 0.5;
  for (const config::Config& config : configs) {
    const Bench bench(config);
    for (const Sequence& s : bench.draw(Kind::probe, 2, 0, 20)) {
      EXPECT_FALSE(labels_of_copies(s).empty());
      EXPECT_THAT(labels_of_copies(s), testing::Each(s.answer));
    }
  }
}

/// Settings that draw probes in different ways.
std::vector<config::Config> settings() {
  std::vector<config::Config> all{with_sequences(configuration(40, 6, 2), 20),
                                  with_sequences(configuration(20, 6, 2), 20),
                                  with_sequences(configuration(infinite, 6, 2), 20)};
  for (const std::size_t i : {0U, 1U, 2U}) {
    all.push_back(all[i]);
    all.back().data.noise = 0.7;
  }
  return all;
}

void expect_only_labels_of_copies_differ(const Bench& bench) {
  const Sequences own = bench.draw(Kind::probe, 5, 0, 20);
  std::set<int> answers;
  for (const CopyLabel label :
       {CopyLabel::its_own, CopyLabel::negative, CopyLabel::none, CopyLabel::positive}) {
    Sequences expected = own;
    for (Sequence& s : expected) {
      answers.insert(s.answer);
      for (std::size_t j = 0; j < s.labels.size(); ++j) {
        if (s.copies[j]) s.labels[j] = expected_label(label, s.answer);
      }
    }
    EXPECT_EQ(bench.probe(5, 0, 20, label), expected);
  }
  EXPECT_EQ(answers.size(), 2U);  // so that every label changes something
}

TEST(CopyLabel, ChangesTheLabelsOfTheCopiesAndNothingElse) {
  for (const config::Config& config : settings()) {
    expect_only_labels_of_copies_differ(Bench(config));
  }
  expect_only_labels_of_copies_differ(
      Bench(with_sequences(configuration(20, 6, 2), 20), 1,
            GivenItems{table_of(20, 3, 0), table_of(4, 3, 100), ""}));
}

TEST(ProbeSequences, DoNotDependOnWhoDrawsThemOrHow) {
  for (const config::Config& config : settings()) {
    const Bench one(config);
    const Bench three(config, 3);
    for (const CopyLabel label : {CopyLabel::its_own, CopyLabel::none}) {
      const Sequences whole = one.probe(7, 0, 20, label);
      EXPECT_EQ(three.probe(7, 0, 20, label), whole);
      const Sequences part = one.probe(7, 13, 7, label);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 13));
      EXPECT_NE(one.probe(8, 0, 20, label), whole);
    }
  }
}

// A batch with room for its own tokens can be used for any sequences.
TEST(ProbeSequences, AreTheSameInABatchThatWasUsedBefore) {
  const Bench bench(with_sequences(configuration(40, 6), 20));
  Batch batch = bench.task.make_batch(30, Tokens::in_the_batch);
  bench.task.probe_batch(1, 0, 20, CopyLabel::none, batch, bench.workers);
  EXPECT_EQ(bench.draw(Kind::icl, 1, 0, 30, batch), bench.draw(Kind::icl, 1, 0, 30));
  EXPECT_EQ(bench.draw(Kind::probe, 1, 0, 20, batch), bench.draw(Kind::probe, 1, 0, 20));
}

}  // namespace
}  // namespace icl::task
