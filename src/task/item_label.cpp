#include "icl/task/item_label.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/task/fresh_item.hpp"
#include "icl/task/shift.hpp"
#include "scratch.hpp"

namespace icl::task {
namespace {

constexpr std::int64_t item_tile = 256;
constexpr std::int32_t published_epoch = 60000;  // sequences

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

int label_of_copy(CopyLabel label, int its_own) {
  constexpr std::array<int, 4> labels{0, -1, 0, 1};
  return label == CopyLabel::its_own ? its_own : labels.at(static_cast<std::size_t>(label));
}

}  // namespace

struct ItemLabelTask::Rule {
  std::int64_t seed;
  Purpose sequences;    ///< the randomness of the rule itself
  Purpose fresh_items;  ///< that of the items, where they are fresh
  Draw draw;
  const Side& side;
  CopyLabel copy_label = CopyLabel::its_own;
  bool fresh = false;                     ///< items are fresh although the task's are not
  const TokenEncoder* encoder = nullptr;  ///< another one than the task's

  /// Noise and exemplars have seeds of their own for each rule.
  [[nodiscard]] std::int64_t noise_seed() const {
    return derive_seed(seed, static_cast<std::uint32_t>(sequences));
  }
};

ItemLabelTask::ItemLabelTask(const config::Config& config, std::optional<GivenItems> given,
                             const TokenEncoder& encoder, const Workers& workers)
    : encoder_(encoder),
      traits_(traits_of(config)),
      from_table_(given.has_value()),
      fresh_items_(config.data.K.is_infinite()),
      length_(encoder.reads_context() ? config.data.N : 1),
      dimension_(config.data.D),
      starts_(config::starts(config)),
      noise_(config.data.noise),
      bursty_(config.data.bursty),
      unequal_(config.data.zipf > 0),
      rule_(config.data.labels),
      label_count_(config.data.label_count),
      probe_sequences_(config.probe.sequences),
      epoch_batch_(config.train.batch_size),
      in_order_(config.compat.s4_epoch),
      seeds_(config) {
  traits_.context = length_ > 1;
  if (config.compat.s4_epoch || config.compat.short_last_batch) {
    epoch_steps_ = config.train.steps_per_epoch;
  }
  if (fresh_items_) return;
  const std::int64_t count = config.data.K.count();
  probe_sequences_ = std::min(probe_sequences_, count);
  if (given) {
    training_.labels = given->training.labels;
    novel_.labels = given->novel.labels;
    training_.items = ItemSet(std::move(given->training));
    novel_.items = ItemSet(std::move(given->novel));
  } else {
    training_.items = ItemSet({seeds_.items, Purpose::training_items}, count);
    novel_.items = ItemSet({seeds_.novel, Purpose::novel_items}, std::min(count, most_novel_items));
  }
  if (training_.labels.empty()) {
    training_.labels = draw_labels(seeds_.labels, count, label_count_);
  }
  if (novel_.labels.empty()) {
    // Gaussian novel item i carries the label of training item i.
    const auto same = training_.labels.begin();
    novel_.labels = from_table_ ? draw_labels(seeds_.novel, novel_.items.classes(), label_count_)
                                : std::vector(same, same + novel_.items.classes());
  }
  if (std::ranges::count(novel_.labels, novel_.labels.front()) ==
      static_cast<std::ptrdiff_t>(novel_.labels.size())) {
    throw Error(ExitCode::usage,
                fmt::format("all {} novel items have the label {}, so that guessing would pass "
                            "for in-context learning: more classes, or a larger "
                            "data.novel_fraction, are needed",
                            novel_.labels.size(),
                            label_count_ ? fmt::format("{}", novel_.labels.front())
                                         : fmt::format("{:+d}", novel_.labels.front())));
  }
  make_side(training_,
            config.data.zipf > 0 ? zipf_weights(config.data.zipf, count) : std::vector<double>{},
            workers);
  make_side(novel_, {}, workers);
}

void ItemLabelTask::make_side(Side& side, std::vector<double> weights, const Workers& workers) {
  side.frequencies = weights.empty() ? Frequencies(static_cast<std::uint32_t>(side.items.classes()))
                                     : Frequencies(weights);
  if (traits_.label_rule) {
    const auto above = std::ranges::count(side.labels, 1);
    if (above == 0 || std::cmp_equal(above, side.labels.size())) {
      throw Error(ExitCode::usage,
                  fmt::format("data.labels needs items of both labels, but the {} {} items all "
                              "have the label {:+d}: set data.labels = \"independent\", or give "
                              "other or more items",
                              side.labels.size(), &side == &novel_ ? "novel" : "training",
                              side.labels.front()));
    }
    side.by_label.emplace(side.labels, weights);
  }
  const std::int64_t rows = side.items.rows();
  const std::int64_t width = encoder_.token_width();
  side.tokens = {Tensor({rows, width}), Tensor({rows, width})};
  workers.for_tiles(rows, item_tile, [&](Tile some) {
    std::vector<float> x(at(dimension_));
    for (std::int64_t row = some.first; row < some.end(); ++row) {
      side.items.draw(row, x);
      encoder_.encode(x, side.labels[at(row / side.items.exemplars())],
                      side.tokens.context.row(row));
      encoder_.encode(x, 0, side.tokens.target.row(row));
    }
  });
}

Batch ItemLabelTask::make_batch(std::int64_t capacity, Tokens tokens) const {
  const bool own = fresh_items_ || noise_ > 0 || tokens == Tokens::in_the_batch;
  return room_for({length_, dimension_, encoder_.token_width(), own, starts_ > 1}, capacity);
}

void ItemLabelTask::training_batch(std::uint64_t step, std::int64_t size, Batch& batch,
                                   const Workers& workers) const {
  Draw draw = bursty_ < 1 ? Draw::partly_bursty : Draw::bursty;
  if (traits_.label_rule) draw = Draw::equal;
  if (in_order_) draw = Draw::epoch;
  if (epoch_steps_ > 0) {
    const auto before = static_cast<std::int64_t>(step) % epoch_steps_ * epoch_batch_;
    size = std::min(size, published_epoch - before);
  }
  fill({seeds_.data, Purpose::training_sequence, Purpose::training_fresh_items, draw, training_},
       step, 0, size, batch, workers);
}

void ItemLabelTask::evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first,
                                     std::int64_t size, Batch& batch,
                                     const Workers& workers) const {
  assert(has(set));
  const EvaluationSet& of = evaluation_sets.at(set);
  fill({seeds_.eval, of.sequences, of.fresh_items, of.draw,
        of.items == Items::novel ? novel_ : training_},
       step, first, size, batch, workers);
}

void ItemLabelTask::probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size,
                                CopyLabel label, Batch& batch, const Workers& workers) const {
  assert(first + size <= probe_sequences_);
  // Under Zipf's law an average over training items is one over how often they are drawn.
  const bool all = !fresh_items_ && !unequal_ && probe_sequences_ == training_.items.classes();
  const auto draw = all ? Draw::each_once : Draw::bursty;
  fill({seeds_.eval, Purpose::probe_sequence, Purpose::probe_fresh_items, draw, training_, label},
       step, first, size, batch, workers);
}

void ItemLabelTask::initial_batch(std::int64_t first, std::int64_t size, Batch& batch,
                                  const Workers& workers) const {
  fill({seeds_.init, Purpose::initial_beta_sequence, Purpose::initial_beta_fresh_items,
        Draw::bursty, training_},
       0, first, size, batch, workers);
}

void ItemLabelTask::fixed_batch(Items items, std::int64_t first, std::int64_t size, Batch& batch,
                                const Workers& workers, const TokenEncoder* encoder) const {
  assert(has_fixed(items));
  const bool novel = items == Items::novel;
  const auto purpose = novel ? Purpose::fixed_novel_sequence : Purpose::fixed_training_sequence;
  fill({seeds_.probe, purpose, Purpose::fixed_fresh_items, Draw::bursty, novel ? novel_ : training_,
        CopyLabel::its_own, novel && !from_table_, encoder},
       0, first, size, batch, workers);
}

std::vector<Task::Table> ItemLabelTask::tables() const {
  return {{"items", &training_.tokens}, {"novel_items", &novel_.tokens}};
}

Batch ItemLabelTask::make_batch_for(std::int64_t capacity, const TokenEncoder& encoder) const {
  return room_for({length_, dimension_, encoder.token_width(), true, starts_ > 1}, capacity);
}

void ItemLabelTask::fill(const Rule& rule, std::uint64_t step, std::int64_t first,
                         std::int64_t size, Batch& batch, const Workers& workers) const {
  assert(size <= batch.answer.size() && batch.length == length_);
  const bool fresh = fresh_items_ || rule.fresh;
  const bool own_tokens =
      fresh || noise_ > 0 || rule.copy_label != CopyLabel::its_own || rule.encoder != nullptr;
  assert(!own_tokens || batch.fresh.item.size() > 0);
  batch.size = size;
  batch.table = own_tokens ? &batch.fresh.tokens : &rule.side.tokens;
  workers.for_tiles(size, sequence_tile, [&](Tile some) {
    const auto time = workers.measure(Phase::sampling);
    for (std::int64_t b = some.first; b < some.end(); ++b) {
      const Stream stream(static_cast<std::uint64_t>(rule.seed), rule.sequences, step,
                          static_cast<std::uint64_t>(first + b));
      if (fresh) {
        fill_fresh(rule, stream, step, first + b, b, batch);
      } else {
        fill_from_items(rule, stream, step, first + b, b, batch);
        if (own_tokens) make_tokens(rule, step, first + b, b, batch);
      }
      if (starts_ > 1) {
        batch.shift[b] = draw_shift(rule.seed, rule.sequences, step, first + b, starts_);
      }
    }
  });
}

void ItemLabelTask::draw_classes(const Rule& rule, const Stream& stream, std::uint64_t step,
                                 std::int64_t sequence, std::span<std::int32_t> items) const {
  const Side& side = rule.side;
  const Frequencies& frequencies = side.frequencies;
  switch (rule.draw) {
    case Draw::bursty:
      if (length_ == 1) {
        WordReader words(stream);
        items.front() = frequencies.draw(words);
      } else {
        draw_bursty(stream, frequencies, items);
      }
      break;
    case Draw::partly_bursty:
      draw_partly_bursty(stream, side.frequencies, bursty_, items);
      break;
    case Draw::equal:
      draw_equal(stream, rule_, side.frequencies, side.labels, *side.by_label, items);
      break;
    case Draw::distinct:
      draw_distinct(stream, static_cast<std::uint32_t>(side.items.classes()), items);
      break;
    case Draw::each_once:
      draw_around(stream, frequencies, static_cast<std::int32_t>(sequence), items);
      break;
    case Draw::epoch: {
      const auto steps = static_cast<std::uint64_t>(epoch_steps_);
      const auto index = static_cast<std::int64_t>(step % steps) * epoch_batch_ + sequence;
      const std::int32_t number = in_random_order(
          rule.seed, step / steps, static_cast<std::int32_t>(index), published_epoch);
      items.front() = number % static_cast<std::int32_t>(side.items.classes());
    }
  }
}

void ItemLabelTask::fill_from_items(const Rule& rule, const Stream& stream, std::uint64_t step,
                                    std::int64_t sequence, std::int64_t b, Batch& batch) const {
  const std::span items(batch.items.row(b), at(length_));
  draw_classes(rule, stream, step, sequence, items);
  const std::int32_t target = items.back();
  std::uint8_t* copy = batch.copy.row(b);
  for (std::int64_t j = 0; j + 1 < length_; ++j) copy[j] = items[at(j)] == target ? 1 : 0;
  batch.answer[b] = rule.side.labels[at(target)];
  if (rule.side.items.exemplars() > 1) choose_exemplars(rule, step, sequence, b, batch);
}

/// From classes to rows: an exemplar for each token, copies others than the target's.
void ItemLabelTask::choose_exemplars(const Rule& rule, std::uint64_t step, std::int64_t sequence,
                                     std::int64_t b, Batch& batch) const {
  const Stream stream(static_cast<std::uint64_t>(rule.noise_seed()), rule.sequences, step,
                      static_cast<std::uint64_t>(sequence));
  WordReader words(stream);
  const auto exemplars = static_cast<std::uint32_t>(rule.side.items.exemplars());
  std::int32_t* items = batch.items.row(b);
  const auto place = [&](std::int64_t j, std::uint32_t exemplar) {
    items[j] = static_cast<std::int32_t>(items[j] * static_cast<std::int64_t>(exemplars) +
                                         static_cast<std::int64_t>(exemplar));
  };
  const std::uint32_t of_target = words.below(exemplars);
  place(length_ - 1, of_target);
  for (std::int64_t j = 0; j + 1 < length_; ++j) {
    const bool is_copy = batch.copy.row(b)[j] != 0;
    const std::uint32_t drawn = words.below(is_copy ? exemplars - 1 : exemplars);
    place(j, is_copy && drawn >= of_target ? drawn + 1 : drawn);
  }
}

const TokenEncoder& ItemLabelTask::encoder_of(const Rule& rule) const {
  return rule.encoder != nullptr ? *rule.encoder : encoder_;
}

/// Tokens of the batch's own: with noise, or with another label on the copies.
void ItemLabelTask::make_tokens(const Rule& rule, std::uint64_t step, std::int64_t sequence,
                                std::int64_t b, Batch& batch) const {
  const std::int64_t context = length_ - 1;
  const std::span x(scratch_of(batch, b, 0), at(dimension_));
  const TokenEncoder& encoder = encoder_of(rule);
  const std::int64_t width = encoder.token_width();
  std::int32_t* items = batch.items.row(b);
  for (std::int64_t j = 0; j <= context; ++j) {
    const std::int64_t item = items[j];
    const bool is_target = j == context;
    Real* row = is_target ? batch.fresh.tokens.target.row(b)
                          : batch.fresh.tokens.context.row(b * context + j);
    const bool relabelled =
        !is_target && batch.copy.row(b)[j] != 0 && rule.copy_label != CopyLabel::its_own;
    if (noise_ > 0 || relabelled || rule.encoder != nullptr) {
      rule.side.items.draw(item, x);
      const int label = label_of_copy(relabelled ? rule.copy_label : CopyLabel::its_own,
                                      rule.side.labels[at(item / rule.side.items.exemplars())]);
      encoder.encode(with_noise(rule, step, sequence, b, j, batch), is_target ? 0 : label, row);
    } else {
      const TokenTable& table = rule.side.tokens;
      std::copy_n(is_target ? table.target.row(item) : table.context.row(item), width, row);
    }
    items[j] = static_cast<std::int32_t>(is_target ? b : b * context + j);
    batch.fresh.drawn.row(b)[j] = static_cast<std::int32_t>(item / rule.side.items.exemplars());
  }
}

/// The item of token j of sequence b as that token holds it: the one drawn last, or that of the
/// fresh token's slot, which for the target is its copy's.
std::span<const float> ItemLabelTask::with_noise(const Rule& rule, std::uint64_t step,
                                                 std::int64_t sequence, std::int64_t b,
                                                 std::int64_t j, Batch& batch) const {
  std::int64_t slot = 0;
  if (fresh_items_ || rule.fresh) {
    const std::uint8_t* const copy = batch.copy.row(b);
    const bool is_target = j + 1 == length_;
    slot = (is_target ? std::find(copy, copy + j, 1) - copy : j) % items_at_once;
  }
  const std::span x(scratch_of(batch, b, slot), at(dimension_));
  if (noise_ == 0) return x;
  const std::span noisy(scratch_of(batch, b, noisy_slot), at(dimension_));
  const std::span xi(scratch_of(batch, b, noise_slot), at(dimension_));
  std::ranges::copy(x, noisy.begin());
  add_noise(ItemSource(rule.noise_seed(), Purpose::noise), step,
            static_cast<std::uint64_t>(sequence * length_ + j), noise_, noisy, xi);
  return noisy;
}

void ItemLabelTask::fill_fresh(const Rule& rule, const Stream& stream, std::uint64_t step,
                               std::int64_t sequence, std::int64_t b, Batch& batch) const {
  const std::int64_t context = length_ - 1;
  const std::span labels(batch.fresh.labels.row(b), at(context));
  const std::int32_t copy = rule.draw == Draw::equal ? draw_fresh_equal(stream, rule_, labels)
                                                     : draw_fresh(stream, label_count_, labels);
  batch.answer[b] = labels[at(copy)];
  for (std::int64_t j = 0; j < context; ++j) batch.copy.row(b)[j] = j == copy ? 1 : 0;
  for (std::int64_t j = 0; j < context; ++j) {
    if (j % items_at_once == 0) {
      draw_fresh_items(rule.seed, rule.fresh_items, step,
                       static_cast<std::uint64_t>(sequence * context + j),
                       std::min(items_at_once, context - j), dimension_, scratch_of(batch, b, 0));
    }
    const int label = j == copy ? label_of_copy(rule.copy_label, labels[at(j)]) : labels[at(j)];
    encode_fresh(rule, step, sequence, b, j, label, batch);
    if (j == copy) encode_fresh(rule, step, sequence, b, context, 0, batch);
  }
}

/// Token j of a sequence of fresh items, whose item is drawn; the target, j = N - 1, has its
/// copy's.
void ItemLabelTask::encode_fresh(const Rule& rule, std::uint64_t step, std::int64_t sequence,
                                 std::int64_t b, std::int64_t j, int label, Batch& batch) const {
  const std::int64_t context = length_ - 1;
  const bool is_target = j == context;
  const std::int64_t row = is_target ? b : b * context + j;
  Real* token =
      is_target ? batch.fresh.tokens.target.row(row) : batch.fresh.tokens.context.row(row);
  encoder_of(rule).encode(with_noise(rule, step, sequence, b, j, batch), label, token);
  batch.items.row(b)[j] = static_cast<std::int32_t>(row);
  batch.fresh.drawn.row(b)[j] = -1;
}

}  // namespace icl::task
