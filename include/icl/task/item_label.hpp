#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/evaluation_set.hpp"
#include "icl/task/given_items.hpp"
#include "icl/task/items.hpp"
#include "icl/task/seeds.hpp"
#include "icl/task/sequences.hpp"
#include "icl/task/task.hpp"

namespace icl::task {

/// Whether batches of such a task may hold tokens of their own.
[[nodiscard]] bool draws_own_tokens(const config::Config&);

/// The task of Nguyen & Reddy (2024): K items with fixed labels, and sequences of N tokens whose
/// last item asks for its label; for a model that reads no context, of the target alone. Items are
/// encoded once, in the form that the model wants, unless each token is drawn anew (K = infinity,
/// noise within items); batches are pure functions of (seed, step, sequence), whoever draws them.
class ItemLabelTask final : public Task {
 public:
  /// Gaussian novel items never number more than this.
  static constexpr std::int64_t most_novel_items = 20000;

  /// Draws (or takes) and encodes all items. The encoder must outlive the task. `given` holds the
  /// items where data.items is set.
  ItemLabelTask(const config::Config&, std::optional<GivenItems> given, const TokenEncoder&,
                const Workers&);

  using Task::make_batch;
  [[nodiscard]] Batch make_batch(std::int64_t capacity, Tokens) const override;
  void training_batch(std::uint64_t step, std::int64_t size, Batch&, const Workers&) const override;
  void evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first, std::int64_t size,
                        Batch&, const Workers&) const override;
  void probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size, CopyLabel label,
                   Batch&, const Workers&) const override;
  void initial_batch(std::int64_t first, std::int64_t size, Batch&, const Workers&) const override;
  void fixed_batch(Items, std::int64_t first, std::int64_t size, Batch&, const Workers&,
                   const TokenEncoder* encoder) const override;
  [[nodiscard]] Batch make_batch_for(std::int64_t capacity, const TokenEncoder&) const override;

  [[nodiscard]] std::unique_ptr<IdealObserver> observer(config::ObserverName) const override;
  [[nodiscard]] std::vector<Table> tables() const override;
  [[nodiscard]] std::size_t sets() const override { return evaluation_sets.size() + named_.size(); }
  [[nodiscard]] std::int64_t length() const override { return length_; }
  [[nodiscard]] const Traits& traits() const override { return traits_; }
  [[nodiscard]] std::int64_t probe_sequences() const override { return probe_sequences_; }

  /// [K E, W], E the exemplars of a class (1 for Gaussian items)
  [[nodiscard]] const TokenTable& training_items() const { return training_.tokens; }
  [[nodiscard]] const TokenTable& novel_items() const { return novel_.tokens; }
  [[nodiscard]] const std::vector<Label>& labels() const { return training_.labels; }  ///< [K]

 private:
  /// Training or novel items.
  struct Side {
    ItemSet items;
    std::vector<Label> labels;
    TokenTable tokens;
    Frequencies frequencies{1};
    std::optional<ItemsByLabel> by_label;
  };
  /// How one evaluation or training set draws: which randomness, which items.
  struct Rule;
  /// A set of eval.set.
  struct Named {
    config::EvalSet set;
    std::int64_t seed;
    std::optional<Frequencies> frequencies;  ///< of its first items, if it has not all
  };

  [[nodiscard]] const TokenEncoder& encoder_of(const Rule&) const;
  void make_side(Side&, std::vector<double> weights, const Workers&);
  void make_named(const config::Config&);
  void fill(const Rule&, std::uint64_t step, std::int64_t first, std::int64_t size, Batch&,
            const Workers&) const;
  void draw_classes(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                    std::span<std::int32_t> items) const;
  [[nodiscard]] static bool takes_novel(const Rule&, std::uint64_t step, std::int64_t sequence);
  void relabel(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
               Batch&) const;
  void fill_from_items(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                       std::int64_t b, Batch&) const;
  void choose_exemplars(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
                        Batch&) const;
  void make_tokens(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
                   Batch&) const;
  [[nodiscard]] std::span<const float> with_noise(const Rule&, std::uint64_t step,
                                                  std::int64_t sequence, std::int64_t b,
                                                  std::int64_t j, std::int64_t slot, Batch&) const;
  void fill_fresh(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                  std::int64_t b, Batch&) const;
  void fill_fresh_copies(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                         std::int64_t b, Batch&) const;
  void encode_fresh(const Rule&, std::uint64_t step, std::int64_t sequence, std::int64_t b,
                    std::int64_t j, std::int64_t slot, int label, Batch&) const;

  const TokenEncoder& encoder_;
  Traits traits_;
  bool from_table_;         ///< data.items is set
  bool fresh_items_;        ///< K = infinity
  std::int64_t length_;     ///< N
  std::int64_t dimension_;  ///< D
  std::int64_t starts_;     ///< places from which a sequence may begin
  double noise_;
  double bursty_;
  double novel_share_;
  std::optional<std::int64_t> copies_;
  bool own_tokens_;  ///< batches need room for tokens of their own
  double zipf_;      ///< above 0 training items are drawn unequally often
  LabelRule rule_;
  std::optional<std::int64_t> label_count_;
  std::int64_t probe_sequences_;
  std::int64_t epoch_steps_ = 0;  ///< of an epoch of 60,000 sequences, if there are such, or 0
  std::int64_t epoch_batch_;      ///< sequences of each of these steps, but the last
  bool in_order_;                 ///< items in the order of compat.s4_epoch
  Seeds seeds_;
  Side training_;
  Side novel_;
  std::vector<Named> named_;
};

}  // namespace icl::task
