#include <algorithm>
#include <array>
#include <cassert>

#include "icl/task/fresh_item.hpp"
#include "icl/task/item_label.hpp"
#include "icl/task/shift.hpp"
#include "rule.hpp"

namespace icl::task {
namespace {

int label_of_copy(CopyLabel label, int its_own) {
  constexpr std::array<int, 4> labels{0, -1, 0, 1};
  return label == CopyLabel::its_own ? its_own : labels.at(static_cast<std::size_t>(label));
}

}  // namespace

void ItemLabelTask::fill(const Rule& rule, std::uint64_t step, std::int64_t first,
                         std::int64_t size, Batch& batch, const Workers& workers) const {
  assert(size <= batch.answer.size() && batch.length == length_);
  const bool fresh = fresh_items_ || rule.fresh;
  const bool own_tokens = fresh || noise_ > 0 || rule.copy_label != CopyLabel::its_own ||
                          rule.encoder != nullptr || rule.novel > 0 ||
                          rule.labels != config::EvalLabels::own;
  assert(!own_tokens || batch.fresh.item.size() > 0);
  batch.size = size;
  batch.table = own_tokens ? &batch.fresh.tokens : &rule.side.tokens;
  workers.for_tiles(size, sequence_tile, [&](Tile some) {
    const auto time = workers.measure(Phase::sampling);
    for (std::int64_t b = some.first; b < some.end(); ++b) {
      const Stream stream(static_cast<std::uint64_t>(rule.seed), rule.sequences, step,
                          static_cast<std::uint64_t>(first + b));
      if (fresh || takes_novel(rule, step, first + b)) {
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
  const Frequencies& frequencies =
      rule.frequencies != nullptr ? *rule.frequencies : side.frequencies;
  switch (rule.draw) {
    case Draw::bursty:
      if (length_ == 1) {
        WordReader words(stream);
        items.front() = frequencies.draw(words);
      } else if (rule.copies) {
        draw_copies(stream, frequencies, *rule.copies, items);
      } else {
        draw_bursty(stream, frequencies, items);
      }
      break;
    case Draw::partly_bursty:
      draw_partly_bursty(stream, frequencies, bursty_, rule.copies, items);
      break;
    case Draw::equal:
      draw_equal(stream, rule_, side.frequencies, side.labels, *side.by_label, items);
      break;
    case Draw::distinct:
      draw_distinct(stream, frequencies.count(), items);
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

/// Whether the items of a sequence are fresh ones by data.novel.
bool ItemLabelTask::takes_novel(const Rule& rule, std::uint64_t step, std::int64_t sequence) {
  if (rule.novel == 0) return false;
  const Stream stream(static_cast<std::uint64_t>(rule.seed), Purpose::novel_choice, step,
                      static_cast<std::uint64_t>(sequence));
  return WordReader(stream).unit() < rule.novel;
}

/// Labels of the context that are not the items' own, and the answer with them. Before exemplars
/// are chosen: the items of the batch are classes.
void ItemLabelTask::relabel(const Rule& rule, std::uint64_t step, std::int64_t sequence,
                            std::int64_t b, Batch& batch) const {
  const Stream stream(static_cast<std::uint64_t>(rule.seed), Purpose::novel_labels, step,
                      static_cast<std::uint64_t>(sequence));
  WordReader words(stream);
  const std::span items(batch.items.row(b), at(length_));
  const std::span labels(batch.fresh.labels.row(b), at(length_ - 1));
  for (std::size_t j = 0; j < labels.size(); ++j) {
    const auto before = items.first(j);
    const auto same = std::ranges::find(before, items[j]);
    if (same != before.end()) {
      labels[j] = labels[static_cast<std::size_t>(same - before.begin())];
    } else if (rule.labels == config::EvalLabels::novel) {
      labels[j] = draw_label(words, label_count_);
    } else {
      const Label own = rule.side.labels[at(items[j])];
      labels[j] = label_count_ ? static_cast<Label>(own % *label_count_) + 1 : -own;
    }
    if (items[j] == items.back()) batch.answer[b] = labels[j];
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
  if (rule.labels != config::EvalLabels::own) relabel(rule, step, sequence, b, batch);
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
    const bool others = !is_target && rule.labels != config::EvalLabels::own;
    if (noise_ > 0 || relabelled || others || rule.encoder != nullptr) {
      rule.side.items.draw(item, x);
      const Label own = others ? batch.fresh.labels.row(b)[j]
                               : rule.side.labels[at(item / rule.side.items.exemplars())];
      const int label = label_of_copy(relabelled ? rule.copy_label : CopyLabel::its_own, own);
      encoder.encode(with_noise(rule, step, sequence, b, j, 0, batch), is_target ? 0 : label, row);
    } else {
      const TokenTable& table = rule.side.tokens;
      std::copy_n(is_target ? table.target.row(item) : table.context.row(item), width, row);
    }
    items[j] = static_cast<std::int32_t>(is_target ? b : b * context + j);
    batch.fresh.drawn.row(b)[j] = static_cast<std::int32_t>(item / rule.side.items.exemplars());
  }
}

/// The item of token j of sequence b as that token holds it: what is drawn in a slot.
std::span<const float> ItemLabelTask::with_noise(const Rule& rule, std::uint64_t step,
                                                 std::int64_t sequence, std::int64_t b,
                                                 std::int64_t j, std::int64_t slot,
                                                 Batch& batch) const {
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
  if (rule.copies) return fill_fresh_copies(rule, stream, step, sequence, b, batch);
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
    const std::int64_t slot = j % items_at_once;
    encode_fresh(rule, step, sequence, b, j, slot, label, batch);
    if (j == copy) encode_fresh(rule, step, sequence, b, context, slot, 0, batch);
  }
}

/// The same with data.copies of each fresh item.
void ItemLabelTask::fill_fresh_copies(const Rule& rule, const Stream& stream, std::uint64_t step,
                                      std::int64_t sequence, std::int64_t b, Batch& batch) const {
  const std::int64_t context = length_ - 1;
  const std::span labels(batch.fresh.labels.row(b), at(context));
  const std::span numbers(batch.fresh.drawn.row(b), at(length_));  // -1 behind encode_fresh()
  draw_fresh_copies(stream, label_count_, *rule.copies, numbers, labels);
  const std::int32_t target = numbers.back();
  batch.answer[b] = labels[at(target)];
  for (std::int64_t j = 0; j < context; ++j) {
    batch.copy.row(b)[j] = numbers[at(j)] == target ? 1 : 0;
  }
  const std::int64_t different = context / *rule.copies;
  for (std::int64_t some = 0; some < different; some += items_at_once) {
    const std::int64_t count = std::min(items_at_once, different - some);
    draw_fresh_items(rule.seed, rule.fresh_items, step,
                     static_cast<std::uint64_t>(sequence * context + some), count, dimension_,
                     scratch_of(batch, b, 0));
    for (std::int64_t j = 0; j <= context; ++j) {
      const std::int64_t number = numbers[at(j)];
      if (number < some || number >= some + count) continue;
      const Label own = labels[at(number)];
      const int label = j == context                ? 0
                        : batch.copy.row(b)[j] != 0 ? label_of_copy(rule.copy_label, own)
                                                    : own;
      encode_fresh(rule, step, sequence, b, j, number - some, label, batch);
    }
  }
}

/// Token j of a sequence of fresh items, whose item is drawn; the target, j = N - 1, has its
/// copy's.
void ItemLabelTask::encode_fresh(const Rule& rule, std::uint64_t step, std::int64_t sequence,
                                 std::int64_t b, std::int64_t j, std::int64_t slot, int label,
                                 Batch& batch) const {
  const std::int64_t context = length_ - 1;
  const bool is_target = j == context;
  const std::int64_t row = is_target ? b : b * context + j;
  Real* token =
      is_target ? batch.fresh.tokens.target.row(row) : batch.fresh.tokens.context.row(row);
  encoder_of(rule).encode(with_noise(rule, step, sequence, b, j, slot, batch), label, token);
  batch.items.row(b)[j] = static_cast<std::int32_t>(row);
  batch.fresh.drawn.row(b)[j] = -1;
}

}  // namespace icl::task
