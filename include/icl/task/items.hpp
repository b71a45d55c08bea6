#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "icl/core/batch.hpp"
#include "icl/core/random.hpp"
#include "icl/task/given_items.hpp"

namespace icl::task {

/// Gaussian items x ~ N(0, I/D), each a pure function of (seed, purpose, step, index).
class ItemSource {
 public:
  ItemSource(std::int64_t seed, Purpose purpose) : seed_(seed), purpose_(purpose) {}

  /// Writes item `index` of `step` (0 for the fixed items of a run) to x [D].
  void draw(std::uint64_t step, std::uint64_t index, std::span<float> x) const;

 private:
  std::int64_t seed_;
  Purpose purpose_;
};

/// The items of one side of the task, training or novel: Gaussian ones, drawn when they are asked
/// for, or those of a table. A class has one item, or several exemplars.
class ItemSet {
 public:
  ItemSet() = default;
  ItemSet(ItemSource source, std::int64_t count) : source_(source), classes_(count) {}
  explicit ItemSet(ItemTable table)
      : classes_(table.classes), exemplars_(table.exemplars), table_(std::move(table)) {}

  [[nodiscard]] std::int64_t classes() const { return classes_; }
  [[nodiscard]] std::int64_t exemplars() const { return exemplars_; }
  /// Rows: exemplar e of class k is row k * exemplars() + e.
  [[nodiscard]] std::int64_t rows() const { return classes_ * exemplars_; }
  /// Writes row `row` to x [D].
  void draw(std::int64_t row, std::span<float> x) const;

 private:
  ItemSource source_{0, Purpose::training_items};
  std::int64_t classes_ = 0;
  std::int64_t exemplars_ = 1;
  std::optional<ItemTable> table_;
};

/// The labels of K items, +1 for exactly K/2 of them in random order and -1 for the rest, K even;
/// or of L labels each for K/L of them, to within one.
[[nodiscard]] std::vector<Label> draw_labels(std::int64_t seed, std::int64_t count,
                                             std::optional<std::int64_t> label_count = {});

/// x <- (x + epsilon xi) / sqrt(1 + epsilon^2) with xi ~ N(0, I/D): noise within an item, number
/// `index` of `step`. `xi` [D] is scratch.
void add_noise(const ItemSource& noise, std::uint64_t step, std::uint64_t index, double epsilon,
               std::span<float> x, std::span<float> xi);

}  // namespace icl::task
