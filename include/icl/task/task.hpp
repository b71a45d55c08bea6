#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/evaluation_set.hpp"
#include "icl/task/given_items.hpp"
#include "icl/task/items.hpp"
#include "icl/task/seeds.hpp"
#include "icl/task/sequences.hpp"

namespace icl::task {

/// Which label the copies of the target carry in a probe's sequences.
enum class CopyLabel : std::uint8_t { its_own, negative, none, positive };

/// Where the tokens of a batch lie.
enum class Tokens : std::uint8_t {
  where_they_are,  ///< in the task's tables where it can be, otherwise in the batch
  in_the_batch,    ///< so that copies may carry other labels
};

/// What the room that a batch takes depends on.
struct BatchShape {
  std::int64_t length;     ///< N
  std::int64_t dimension;  ///< D
  std::int64_t width;      ///< W of an encoded token
  bool own_tokens;         ///< whether its tokens lie in the batch
};
[[nodiscard]] Batch room_for(const BatchShape&, std::int64_t capacity, Storage = {});

/// The task of Nguyen & Reddy (2024): K items with fixed labels, and sequences of N tokens whose
/// last item asks for its label; for a model that reads no context, of the target alone. Items are
/// encoded once, in the form that the model wants, unless each token is drawn anew (K = infinity,
/// noise within items); batches are pure functions of (seed, step, sequence), whoever draws them.
class Task {
 public:
  /// Gaussian novel items never number more than this.
  static constexpr std::int64_t most_novel_items = 20000;

  /// Draws (or takes) and encodes all items. The encoder must outlive the task. `given` holds the
  /// items where data.items is set.
  Task(const config::Config&, std::optional<GivenItems> given, const TokenEncoder&, const Workers&);

  /// Room for batches of up to `capacity` sequences.
  [[nodiscard]] Batch make_batch(std::int64_t capacity, Tokens = Tokens::where_they_are) const;

  /// The batch of training step `step`, counted from 0: `size` sequences (or fewer at the end of
  /// an epoch of compat.s4_epoch or compat.short_last_batch).
  void training_batch(std::uint64_t step, std::int64_t size, Batch&, const Workers&) const;
  /// Sequences [first, first + size) of the evaluation set of that number after `step` updates.
  /// Only where has() it.
  void evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first, std::int64_t size,
                        Batch&, const Workers&) const;
  /// Sequences for probes, of training items with a copy of the target, whose copies carry
  /// `label`: the same sequences for each. If there are probe_sequences() = K of them, each item is
  /// the target once. With a label that is not its own the batch must have its own tokens.
  void probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size, CopyLabel label,
                   Batch&, const Workers&) const;

  /// Sequences [first, first + size) of those that init.beta0 is measured on: training items with a
  /// copy of the target, keyed by the seed of the initial parameters.
  void initial_batch(std::int64_t first, std::int64_t size, Batch&, const Workers&) const;

  /// Sequences [first, first + size) of the fixed set: with a copy of the target, keyed by
  /// seed.probe alone, whatever the step. The novel ones lie in the batch, whose capacity must be
  /// of Tokens::in_the_batch. With an encoder of one's own, all do, in a batch of make_batch_for().
  void fixed_batch(Items, std::int64_t first, std::int64_t size, Batch&, const Workers&,
                   const TokenEncoder* encoder = nullptr) const;
  /// Whether the fixed set has sequences of such items.
  [[nodiscard]] bool has_fixed(Items items) const {
    return items == Items::novel ? traits_.context : traits_.training_items;
  }
  [[nodiscard]] Batch make_batch_for(std::int64_t capacity, const TokenEncoder&) const;

  /// N, or 1 for a model that reads no context.
  [[nodiscard]] std::int64_t length() const { return length_; }
  [[nodiscard]] const Traits& traits() const { return traits_; }
  /// Whether it has sequences of the evaluation set of that number.
  [[nodiscard]] bool has(std::size_t set) const { return traits_.*evaluation_sets.at(set).needs; }
  /// probe.sequences, but never more than there are training items.
  [[nodiscard]] std::int64_t probe_sequences() const { return probe_sequences_; }

  /// [K E, W], E the exemplars of a class (1 for Gaussian items)
  [[nodiscard]] const TokenTable& training_items() const { return training_.tokens; }
  [[nodiscard]] const TokenTable& novel_items() const { return novel_.tokens; }
  [[nodiscard]] const std::vector<std::int8_t>& labels() const {
    return training_.labels;
  }  ///< [K]

 private:
  /// Training or novel items.
  struct Side {
    ItemSet items;
    std::vector<std::int8_t> labels;
    TokenTable tokens;
    Frequencies frequencies{1};
    std::optional<ItemsByLabel> by_label;
  };
  /// How one evaluation or training set draws: which randomness, which items.
  struct Rule;

  [[nodiscard]] const TokenEncoder& encoder_of(const Rule&) const;
  void make_side(Side&, std::vector<double> weights, const Workers&);
  void fill(const Rule&, std::uint64_t step, std::int64_t first, std::int64_t size, Batch&,
            const Workers&) const;
  void draw_classes(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                    std::span<std::int32_t> items) const;
  void fill_from_items(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                       std::int64_t b, Batch&) const;
  void choose_exemplars(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
                        Batch&) const;
  void make_tokens(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
                   Batch&) const;
  [[nodiscard]] std::span<const float> with_noise(const Rule&, std::uint64_t step,
                                                  std::int64_t sequence, std::int64_t b,
                                                  std::int64_t j, Batch&) const;
  void fill_fresh(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                  std::int64_t b, Batch&) const;
  void encode_fresh(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
                    std::int64_t j, int label, Batch&) const;

  const TokenEncoder& encoder_;
  Traits traits_;
  bool from_table_;         ///< data.items is set
  bool fresh_items_;        ///< K = infinity
  std::int64_t length_;     ///< N
  std::int64_t dimension_;  ///< D
  double noise_;
  double bursty_;
  bool unequal_;  ///< training items are drawn unequally often
  LabelRule rule_;
  std::int64_t probe_sequences_;
  std::int64_t epoch_steps_ = 0;  ///< of an epoch of 60,000 sequences, if there are such, or 0
  std::int64_t epoch_batch_;      ///< sequences of each of these steps, but the last
  bool in_order_;                 ///< items in the order of compat.s4_epoch
  Seeds seeds_;
  Side training_;
  Side novel_;
};

}  // namespace icl::task
