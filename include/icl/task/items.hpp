#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/random.hpp"

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

/// The labels of K items, +1 for exactly K/2 of them in random order and -1 for the rest; K even.
[[nodiscard]] std::vector<std::int8_t> draw_labels(std::int64_t seed, std::int64_t count);

}  // namespace icl::task
