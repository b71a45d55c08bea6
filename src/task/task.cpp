#include "icl/task/task.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "icl/task/sequences.hpp"

namespace icl::task {
namespace {

constexpr std::int64_t item_tile = 256;
constexpr std::int64_t sequence_tile = 16;

std::int64_t tiles(std::int64_t n, std::int64_t tile) { return (n + tile - 1) / tile; }

}  // namespace

struct Task::Rule {
  enum class Draw : std::uint8_t { bursty, distinct };

  std::int64_t seed;
  Purpose sequences;    ///< the randomness of the rule itself
  Purpose fresh_items;  ///< that of the items, where they are fresh
  Draw draw;
  const TokenTable& table;
};

Task::Task(const config::Config& config, const TokenEncoder& encoder, const Workers& workers)
    : encoder_(encoder),
      diversity_(config.data.K),
      length_(config.data.N),
      dimension_(config.data.D),
      seeds_(config) {
  if (diversity_.is_infinite()) return;
  const std::int64_t count = diversity_.count();
  labels_ = draw_labels(seeds_.items, count);
  training_ = encode_items(Purpose::training_items, count, workers);
  novel_ = encode_items(Purpose::novel_items, std::min(count, most_novel_items), workers);
}

TokenTable Task::encode_items(Purpose purpose, std::int64_t count, const Workers& workers) const {
  const std::int64_t width = encoder_.token_width();
  TokenTable table{Tensor({count, width}), Tensor({count, width})};
  const ItemSource source(seeds_.items, purpose);
  workers.for_each(tiles(count, item_tile), [&](std::int64_t t) {
    std::vector<float> x(static_cast<std::size_t>(dimension_));
    for (std::int64_t k = t * item_tile; k < std::min(count, (t + 1) * item_tile); ++k) {
      source.draw(0, static_cast<std::uint64_t>(k), x);
      encoder_.encode(x, labels_[static_cast<std::size_t>(k)], table.context.row(k));
      encoder_.encode(x, 0, table.target.row(k));
    }
  });
  return table;
}

Batch Task::make_batch(std::int64_t capacity) const {
  Batch batch;
  batch.length = length_;
  batch.items = BasicTensor<std::int32_t>({capacity, length_});
  batch.answer = BasicTensor<std::int8_t>({capacity});
  if (diversity_.is_infinite()) {
    const std::int64_t width = encoder_.token_width();
    batch.fresh = {{Tensor({capacity * (length_ - 1), width}), Tensor({capacity, width})},
                   BasicTensor<std::int8_t>({capacity, length_ - 1}),
                   BasicTensor<float>({capacity, dimension_})};
  }
  return batch;
}

void Task::training_batch(std::uint64_t step, std::int64_t size, Batch& batch,
                          const Workers& workers) const {
  fill({seeds_.data, Purpose::training_sequence, Purpose::training_fresh_items, Rule::Draw::bursty,
        training_},
       step, 0, size, batch, workers);
}

void Task::icl_batch(std::uint64_t step, std::int64_t first, std::int64_t size, Batch& batch,
                     const Workers& workers) const {
  fill({seeds_.eval, Purpose::icl_sequence, Purpose::icl_fresh_items, Rule::Draw::bursty, novel_},
       step, first, size, batch, workers);
}

void Task::iwl_batch(std::uint64_t step, std::int64_t first, std::int64_t size, Batch& batch,
                     const Workers& workers) const {
  assert(has_iwl());
  fill({seeds_.eval, Purpose::iwl_sequence, Purpose::iwl_sequence, Rule::Draw::distinct, training_},
       step, first, size, batch, workers);
}

void Task::fill(const Rule& rule, std::uint64_t step, std::int64_t first, std::int64_t size,
                Batch& batch, const Workers& workers) const {
  assert(size <= batch.answer.size() && batch.length == length_);
  batch.size = size;
  batch.table = diversity_.is_infinite() ? &batch.fresh.tokens : &rule.table;
  workers.for_each(tiles(size, sequence_tile), [&](std::int64_t t) {
    const auto time = workers.measure(Phase::sampling);
    for (std::int64_t b = t * sequence_tile; b < std::min(size, (t + 1) * sequence_tile); ++b) {
      const Stream stream(static_cast<std::uint64_t>(rule.seed), rule.sequences, step,
                          static_cast<std::uint64_t>(first + b));
      if (diversity_.is_infinite()) {
        fill_fresh(rule, stream, step, first + b, b, batch);
      } else {
        fill_from_table(rule, stream, b, batch);
      }
    }
  });
}

void Task::fill_from_table(const Rule& rule, const Stream& stream, std::int64_t b,
                           Batch& batch) const {
  const std::span items(batch.items.row(b), static_cast<std::size_t>(length_));
  const auto count = static_cast<std::uint32_t>(rule.table.context.extent(0));
  if (rule.draw == Rule::Draw::bursty) {
    draw_bursty(stream, count, items);
  } else {
    draw_distinct(stream, count, items);
  }
  batch.answer[b] = labels_[static_cast<std::size_t>(items.back())];
}

void Task::fill_fresh(const Rule& rule, const Stream& stream, std::uint64_t step,
                      std::int64_t sequence, std::int64_t b, Batch& batch) const {
  const std::int64_t context = length_ - 1;
  const std::span labels(batch.fresh.labels.row(b), static_cast<std::size_t>(context));
  const std::span item(batch.fresh.item.row(b), static_cast<std::size_t>(dimension_));
  const std::int32_t copy = draw_fresh(stream, labels);
  const ItemSource source(rule.seed, rule.fresh_items);
  for (std::int64_t j = 0; j < context; ++j) {
    const std::int64_t row = b * context + j;
    const auto label = labels[static_cast<std::size_t>(j)];
    source.draw(step, static_cast<std::uint64_t>(sequence * context + j), item);
    encoder_.encode(item, label, batch.fresh.tokens.context.row(row));
    batch.items.row(b)[j] = static_cast<std::int32_t>(row);
    if (j == copy) {
      encoder_.encode(item, 0, batch.fresh.tokens.target.row(b));
      batch.items.row(b)[context] = static_cast<std::int32_t>(b);
      batch.answer[b] = label;
    }
  }
}

}  // namespace icl::task
