#pragma once

#include <cstdint>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/items.hpp"
#include "icl/task/seeds.hpp"

namespace icl::task {

/// The task of Nguyen & Reddy (2024): K items with fixed labels, and sequences of N tokens whose
/// last item asks for its label. Items are encoded once, in the form that the model wants; batches
/// are pure functions of (seed, step, sequence), whoever draws them.
class Task {
 public:
  /// Novel items never number more than this.
  static constexpr std::int64_t most_novel_items = 20000;

  /// Draws and encodes all items. The encoder must outlive the task.
  Task(const config::Config&, const TokenEncoder&, const Workers&);

  /// Room for batches of up to `capacity` sequences.
  [[nodiscard]] Batch make_batch(std::int64_t capacity) const;

  /// The batch of training step `step`, counted from 0.
  void training_batch(std::uint64_t step, std::int64_t size, Batch&, const Workers&) const;
  /// Sequences [first, first + size) of the ICL evaluation after `step` updates: the bursty rule on
  /// novel items.
  void icl_batch(std::uint64_t step, std::int64_t first, std::int64_t size, Batch&,
                 const Workers&) const;
  /// The same of the IWL evaluation: training items, none of which occurs twice in a sequence.
  /// Only where has_iwl().
  void iwl_batch(std::uint64_t step, std::int64_t first, std::int64_t size, Batch&,
                 const Workers&) const;

  /// At K = infinity there is nothing to memorise, and no IWL evaluation.
  [[nodiscard]] bool has_iwl() const { return !diversity_.is_infinite(); }

  [[nodiscard]] const TokenTable& training_items() const { return training_; }  ///< [K, W]
  [[nodiscard]] const TokenTable& novel_items() const { return novel_; }  ///< [min(K, 20000), W]
  [[nodiscard]] const std::vector<std::int8_t>& labels() const { return labels_; }  ///< [K]

 private:
  /// How one evaluation or training set draws: which randomness, which items.
  struct Rule;

  [[nodiscard]] TokenTable encode_items(Purpose, std::int64_t count, const Workers&) const;
  void fill(const Rule&, std::uint64_t step, std::int64_t first, std::int64_t size, Batch&,
            const Workers&) const;
  void fill_from_table(const Rule&, const Stream&, std::int64_t b, Batch&) const;
  void fill_fresh(const Rule&, const Stream&, std::uint64_t step, std::int64_t sequence,
                  std::int64_t b, Batch&) const;

  const TokenEncoder& encoder_;
  config::Diversity diversity_;
  std::int64_t length_;     ///< N
  std::int64_t dimension_;  ///< D
  Seeds seeds_;
  std::vector<std::int8_t> labels_;
  TokenTable training_;
  TokenTable novel_;
};

}  // namespace icl::task
