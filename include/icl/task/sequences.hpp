#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "icl/config/choice.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/random.hpp"
#include "icl/task/frequencies.hpp"

/// The rules that sequences are drawn by. Each is a pure function of its stream; what it draws are
/// numbers of items, the target's last.
namespace icl::task {

/// The bursty rule: N items drawn with replacement; if the last does not occur among the first N-1,
/// it is replaced by one of those, chosen uniformly. So the context always holds at least one copy
/// of the target.
void draw_bursty(const Stream&, const Frequencies&, std::span<std::int32_t> items);

/// With probability `bursty` the bursty rule, or the one with `copies`; otherwise N items drawn
/// with replacement, of which those of the context that equal the target are drawn again from the
/// others.
void draw_partly_bursty(const Stream&, const Frequencies&, double bursty,
                        std::optional<std::int64_t> copies, std::span<std::int32_t> items);

/// The rule with `copies`, burstiness B of Reddy (2024): (N-1)/B items drawn with replacement, each
/// of which stands B times in the context, in random order; the target is one of them.
void draw_copies(const Stream&, const Frequencies&, std::int64_t copies,
                 std::span<std::int32_t> items);

/// The target is given; N-1 items drawn with replacement, one of which, chosen uniformly, is
/// replaced by the target if it does not occur among them.
void draw_around(const Stream&, const Frequencies&, std::int32_t target,
                 std::span<std::int32_t> items);

/// N distinct items of `count` >= N, in uniformly random order: the target never occurs in its
/// context.
void draw_distinct(const Stream&, std::uint32_t item_count, std::span<std::int32_t> items);

/// A label, each of them as often: -1 or +1, or one of L.
[[nodiscard]] Label draw_label(WordReader&, std::optional<std::int64_t> label_count);

/// The bursty rule at K = infinity, where no two drawn items are equal: fair labels, +1 or -1 or
/// one of L, for the N-1 items of the context. Returns the position of the one that the target is a
/// copy of.
std::int32_t draw_fresh(const Stream&, std::optional<std::int64_t> label_count,
                        std::span<Label> labels);

/// The rule with `copies` at K = infinity: items are numbered 0, 1, ..., (N-1)/copies - 1, and
/// those have labels[number]. The N-1 of the context come first, the target's last.
void draw_fresh_copies(const Stream&, std::optional<std::int64_t> label_count, std::int64_t copies,
                       std::span<std::int32_t> items, std::span<Label> labels);

using config::LabelRule;

/// Items by their label, for the rules that ask for one.
struct ItemsByLabel {
  /// `weights` as for Frequencies, or empty for equal ones; both labels must occur.
  ItemsByLabel(std::span<const Label> labels, std::span<const double> weights);
  std::array<std::vector<std::int32_t>, 2> members;  ///< of label -1, of label +1
  std::vector<Frequencies> frequencies;              ///< one for each
};

/// The label rules with equal counts: a target, one copy of it at a uniformly chosen position, and
/// N-2 others with the labels that the rule leaves for them, in random order.
void draw_equal(const Stream&, LabelRule, const Frequencies&, std::span<const Label> labels,
                const ItemsByLabel&, std::span<std::int32_t> items);

/// The same at K = infinity: labels of the context; returns the copy's position.
std::int32_t draw_fresh_equal(const Stream&, LabelRule, std::span<Label> labels);

/// Item number `index` of an epoch of `size` < 2^16 numbers in random order, a permutation that
/// depends on (seed, epoch) alone (eight rounds of a Feistel network, walked until it is within).
[[nodiscard]] std::int32_t in_random_order(std::int64_t seed, std::uint64_t epoch,
                                           std::int32_t index, std::int32_t size);

}  // namespace icl::task
