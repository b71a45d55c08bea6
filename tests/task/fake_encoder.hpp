#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/batch.hpp"
#include "icl/core/simd.hpp"

namespace icl::task {

/// Writes the item as it is, then its label: so that a test can read both back.
class FakeEncoder final : public TokenEncoder {
 public:
  explicit FakeEncoder(std::int64_t dimension, bool reads_context = true)
      : dimension_(dimension), reads_context_(reads_context) {}

  [[nodiscard]] bool reads_context() const override { return reads_context_; }

  [[nodiscard]] std::int64_t token_width() const override { return simd::padded(dimension_ + 1); }
  void encode(std::span<const float> item, int label, Real* row) const override {
    std::ranges::copy(item, row);
    row[dimension_] = static_cast<Real>(label);
  }

  [[nodiscard]] std::vector<Real> item(const Real* row) const { return {row, row + dimension_}; }
  [[nodiscard]] int label(const Real* row) const { return static_cast<int>(row[dimension_]); }

 private:
  std::int64_t dimension_;
  bool reads_context_;
};

/// A sequence as its tokens say it: the items' numbers do not count, only their contents.
struct Sequence {
  std::vector<std::vector<Real>> items;  ///< N of them
  std::vector<int> labels;               ///< of the N-1 in the context
  std::vector<bool> copies;              ///< whether each of these is a copy of the target
  int answer = 0;
  bool operator==(const Sequence&) const = default;
};

inline Sequence read_sequence(const Batch& batch, std::int64_t b, const FakeEncoder& encoder) {
  Sequence s;
  for (std::int64_t j = 0; j + 1 < batch.length; ++j) {
    const Real* const row = batch.table->context.row(batch.items.row(b)[j]);
    s.items.push_back(encoder.item(row));
    s.labels.push_back(encoder.label(row));
    s.copies.push_back(batch.copy.row(b)[j] != 0);
  }
  const Real* const target = batch.table->target.row(batch.items.row(b)[batch.length - 1]);
  s.items.push_back(encoder.item(target));
  EXPECT_EQ(encoder.label(target), 0) << "the target shows its label";
  s.answer = batch.answer[b];
  return s;
}

}  // namespace icl::task
