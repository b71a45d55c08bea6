#include "icl/task/sequences.hpp"

#include <algorithm>
#include <utility>

namespace icl::task {
namespace {

void fill_bursty(WordReader& words, const Frequencies& frequencies, std::span<std::int32_t> items) {
  for (std::int32_t& item : items) item = frequencies.draw(words);
  const auto context = items.first(items.size() - 1);
  const std::uint32_t copy = words.below(static_cast<std::uint32_t>(context.size()));
  if (std::ranges::find(context, items.back()) == context.end()) items.back() = context[copy];
}

/// Whichever number(i) gives for i = 0, 1, ..., (N-1)/copies - 1, `copies` times each in random
/// order, then one of them.
template <class Number>
void fill_copies(WordReader& words, std::int64_t copies, std::span<std::int32_t> items,
                 const Number& number) {
  const auto context = items.first(items.size() - 1);
  const std::size_t different = context.size() / static_cast<std::size_t>(copies);
  for (std::size_t i = 0; i < different; ++i) context[i] = number(static_cast<std::int32_t>(i));
  for (std::size_t j = different; j < context.size(); ++j) context[j] = context[j % different];
  // Fisher-Yates: place j changes with a uniformly chosen one of places 0 .. j.
  for (std::size_t j = context.size() - 1; j > 0; --j) {
    std::swap(context[j], context[words.below(static_cast<std::uint32_t>(j + 1))]);
  }
  items.back() = context[words.below(static_cast<std::uint32_t>(context.size()))];
}

/// How many of the N - 2 tokens beside the target and its copy carry the target's label.
std::uint32_t companions(LabelRule rule, std::size_t length) {
  switch (rule) {
    case LabelRule::equal_sequence:
      return static_cast<std::uint32_t>(length / 2 - 2);
    case LabelRule::equal_context:
      return static_cast<std::uint32_t>((length - 1) / 2 - 1);
    case LabelRule::equal_others:
    case LabelRule::independent:  // has no such number: draw_equal() is not for it
      break;
  }
  return static_cast<std::uint32_t>((length - 2) / 2);
}

/// Calls each(position, whether it carries the target's label) for the N-1 positions of the context
/// but the copy's.
template <class Each>
void deal_labels(WordReader& words, LabelRule rule, std::size_t length, std::size_t copy,
                 const Each& each) {
  std::uint32_t same = companions(rule, length);
  std::uint32_t left = static_cast<std::uint32_t>(length) - 2;
  for (std::size_t j = 0; j + 1 < length; ++j) {
    if (j == copy) continue;
    const bool is_same = words.below(left--) < same;
    if (is_same) --same;
    each(j, is_same);
  }
}

}  // namespace

Label draw_label(WordReader& words, std::optional<std::int64_t> label_count) {
  if (label_count)
    return static_cast<Label>(words.below(static_cast<std::uint32_t>(*label_count))) + 1;
  return words.below(2) == 1 ? 1 : -1;
}

void draw_bursty(const Stream& stream, const Frequencies& frequencies,
                 std::span<std::int32_t> items) {
  WordReader words(stream);
  fill_bursty(words, frequencies, items);
}

void draw_copies(const Stream& stream, const Frequencies& frequencies, std::int64_t copies,
                 std::span<std::int32_t> items) {
  WordReader words(stream);
  fill_copies(words, copies, items, [&](std::int32_t) { return frequencies.draw(words); });
}

void draw_fresh_copies(const Stream& stream, std::optional<std::int64_t> label_count,
                       std::int64_t copies, std::span<std::int32_t> items,
                       std::span<Label> labels) {
  WordReader words(stream);
  fill_copies(words, copies, items, [&](std::int32_t i) {
    labels[static_cast<std::size_t>(i)] = draw_label(words, label_count);
    return i;
  });
}

void draw_partly_bursty(const Stream& stream, const Frequencies& frequencies, double bursty,
                        std::optional<std::int64_t> copies, std::span<std::int32_t> items) {
  WordReader words(stream);
  if (words.unit() < bursty) {
    if (!copies) return fill_bursty(words, frequencies, items);
    return fill_copies(words, *copies, items,
                       [&](std::int32_t) { return frequencies.draw(words); });
  }
  for (std::int32_t& item : items) item = frequencies.draw(words);
  for (std::int32_t& item : items.first(items.size() - 1)) {
    if (item == items.back()) item = frequencies.draw_other(words, items.back());
  }
}

void draw_around(const Stream& stream, const Frequencies& frequencies, std::int32_t target,
                 std::span<std::int32_t> items) {
  WordReader words(stream);
  const auto context = items.first(items.size() - 1);
  for (std::int32_t& item : context) item = frequencies.draw(words);
  items.back() = target;
  if (context.empty()) return;
  const std::uint32_t copy = words.below(static_cast<std::uint32_t>(context.size()));
  if (std::ranges::find(context, target) == context.end()) context[copy] = target;
}

void draw_distinct(const Stream& stream, std::uint32_t item_count, std::span<std::int32_t> items) {
  WordReader words(stream);
  for (std::size_t drawn = 0; drawn < items.size();) {
    const auto candidate = static_cast<std::int32_t>(words.below(item_count));
    const auto before = items.first(drawn);
    if (std::ranges::find(before, candidate) == before.end()) items[drawn++] = candidate;
  }
}

std::int32_t draw_fresh(const Stream& stream, std::optional<std::int64_t> label_count,
                        std::span<Label> labels) {
  WordReader words(stream);
  for (Label& label : labels) label = draw_label(words, label_count);
  return static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(labels.size())));
}

ItemsByLabel::ItemsByLabel(std::span<const Label> labels, std::span<const double> weights) {
  std::array<std::vector<double>, 2> shares;
  for (std::size_t k = 0; k < labels.size(); ++k) {
    const std::size_t side = labels[k] > 0 ? 1 : 0;
    members.at(side).push_back(static_cast<std::int32_t>(k));
    if (!weights.empty()) shares.at(side).push_back(weights[k]);
  }
  for (std::size_t side = 0; side < members.size(); ++side) {
    frequencies.push_back(weights.empty()
                              ? Frequencies(static_cast<std::uint32_t>(members.at(side).size()))
                              : Frequencies(shares.at(side)));
  }
}

void draw_equal(const Stream& stream, LabelRule rule, const Frequencies& frequencies,
                std::span<const Label> labels, const ItemsByLabel& by_label,
                std::span<std::int32_t> items) {
  WordReader words(stream);
  const std::int32_t target = frequencies.draw(words);
  const std::size_t copy = words.below(static_cast<std::uint32_t>(items.size() - 1));
  items.back() = target;
  items[copy] = target;
  const std::size_t side = labels[static_cast<std::size_t>(target)] > 0 ? 1 : 0;
  deal_labels(words, rule, items.size(), copy, [&](std::size_t j, bool same) {
    const std::size_t from = same ? side : 1 - side;
    const std::int32_t member = by_label.frequencies[from].draw(words);
    items[j] = by_label.members.at(from)[static_cast<std::size_t>(member)];
  });
}

std::int32_t draw_fresh_equal(const Stream& stream, LabelRule rule, std::span<Label> labels) {
  WordReader words(stream);
  const auto answer = static_cast<Label>(words.below(2) == 1 ? 1 : -1);
  const std::size_t copy = words.below(static_cast<std::uint32_t>(labels.size()));
  labels[copy] = answer;
  deal_labels(words, rule, labels.size() + 1, copy, [&](std::size_t j, bool same) {
    labels[j] = same ? answer : static_cast<Label>(-answer);
  });
  return static_cast<std::int32_t>(copy);
}

std::int32_t in_random_order(std::int64_t seed, std::uint64_t epoch, std::int32_t index,
                             std::int32_t size) {
  constexpr std::uint32_t rounds = 8;
  constexpr std::uint32_t half_bits = 8;
  constexpr std::uint32_t mask = (1U << half_bits) - 1;
  auto place = static_cast<std::uint32_t>(index);
  do {
    std::uint32_t left = place >> half_bits;
    std::uint32_t right = place & mask;
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const Stream stream(static_cast<std::uint64_t>(seed), Purpose::epoch_order, epoch, round);
      const std::uint32_t mixed = left ^ (stream.block(right)[0] & mask);
      left = right;
      right = mixed;
    }
    place = (left << half_bits) | right;
  } while (place >= static_cast<std::uint32_t>(size));
  return static_cast<std::int32_t>(place);
}

}  // namespace icl::task
