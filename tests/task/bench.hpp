#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "icl/task/item_label.hpp"
#include "task/fake_encoder.hpp"

namespace icl::task {

using Sequences = std::vector<Sequence>;

inline constexpr auto infinite = config::Diversity::infinity();

inline config::Config configuration(config::Diversity item_count, std::int64_t length,
                                    std::int64_t dimension = 3) {
  config::Config config;
  config.data.K = item_count;
  config.data.N = length;
  config.data.D = dimension;
  config.train.seed = 5;
  return config;
}

/// A task with an encoder that can be read back.
struct Bench {
  explicit Bench(const config::Config& c, int threads = 1, std::optional<GivenItems> given = {},
                 bool reads_context = true)
      : config(c),
        encoder(c.data.D, reads_context),
        workers(threads),
        task(c, std::move(given), encoder, workers) {}

  enum class Kind { training, icl, iwl, equal, probe };

  /// Sequences [first, first + size) of a kind; training batches begin at 0.
  Sequences draw(Kind kind, std::uint64_t step, std::int64_t first, std::int64_t size) const {
    Batch batch = task.make_batch(size);
    return draw(kind, step, first, size, batch);
  }
  Sequences draw(Kind kind, std::uint64_t step, std::int64_t first, std::int64_t size,
                 Batch& batch) const {
    switch (kind) {
      case Kind::training:
        task.training_batch(step, size, batch, workers);
        break;
      case Kind::icl:
        task.evaluation_batch(set_called("icl"), step, first, size, batch, workers);
        break;
      case Kind::iwl:
        task.evaluation_batch(set_called("iwl"), step, first, size, batch, workers);
        break;
      case Kind::equal:
        task.evaluation_batch(set_called("icl_equal"), step, first, size, batch, workers);
        break;
      case Kind::probe:
        task.probe_batch(step, first, size, CopyLabel::its_own, batch, workers);
        break;
    }
    EXPECT_EQ(batch.size, size);
    EXPECT_EQ(batch.length, task.length());
    return read(batch);
  }

  /// The batch that a probe draws with this label on the copies.
  Sequences probe(std::uint64_t step, std::int64_t first, std::int64_t size,
                  CopyLabel label) const {
    Batch batch = task.make_batch(size, Tokens::in_the_batch);
    task.probe_batch(step, first, size, label, batch, workers);
    EXPECT_EQ(batch.size, size);
    return read(batch);
  }

  Sequences read(const Batch& batch) const {
    Sequences sequences;
    for (std::int64_t b = 0; b < batch.size; ++b) {
      sequences.push_back(read_sequence(batch, b, encoder));
    }
    return sequences;
  }

  /// The kinds of batches that this task has.
  std::vector<Kind> kinds() const {
    std::vector<Kind> all{Kind::training, Kind::probe};
    if (task.traits().context) all.push_back(Kind::icl);
    if (task.traits().training_items) all.push_back(Kind::iwl);
    if (task.traits().label_rule) all.push_back(Kind::equal);
    return all;
  }

  config::Config config;
  FakeEncoder encoder;
  Workers workers;
  ItemLabelTask task;
};

/// Batches do not depend on the number of workers, nor on whether they are drawn in parts.
inline void expect_same_whoever_draws(const Bench& one, const Bench& three) {
  for (const Bench::Kind kind : one.kinds()) {
    const Sequences whole = one.draw(kind, 9, 0, 40);
    EXPECT_EQ(three.draw(kind, 9, 0, 40), whole);
    // Probes of all items are the same at every step where there is nothing but the target.
    EXPECT_TRUE(kind == Bench::Kind::probe || one.draw(kind, 10, 0, 40) != whole);
    const Sequences few = one.draw(kind, 9, 0, 19);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), whole.begin()));
    if (kind == Bench::Kind::training) continue;
    const Sequences part = one.draw(kind, 9, 17, 20);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 17));
  }
}

/// Calls see(sequence) for `count` sequences of one kind, 1000 a step.
inline void over_sequences(const Bench& bench, Bench::Kind kind, std::uint64_t count,
                           const std::function<void(const Sequence&)>& see) {
  for (std::uint64_t step = 0; step < count / 1000; ++step) {
    for (const Sequence& s : bench.draw(kind, step, 0, 1000)) see(s);
  }
}

/// Places of the training (or novel) items by content.
inline std::map<std::vector<Real>, std::int64_t> index_of(const TokenTable& table,
                                                          const FakeEncoder& encoder) {
  std::map<std::vector<Real>, std::int64_t> index;
  for (std::int64_t k = 0; k < table.context.extent(0); ++k) {
    index[encoder.item(table.context.row(k))] = k;
  }
  return index;
}

/// The labels of the context's copies of the target.
inline std::vector<int> labels_of_copies(const Sequence& s) {
  std::vector<int> labels;
  for (std::size_t j = 0; j < s.labels.size(); ++j) {
    if (s.copies[j]) labels.push_back(s.labels[j]);
  }
  return labels;
}

}  // namespace icl::task
