#include "icl/task/items.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace icl::task {

void ItemSource::draw(std::uint64_t step, std::uint64_t index, std::span<float> x) const {
  Stream(static_cast<std::uint64_t>(seed_), purpose_, step, index).normals(x);
  const float scale = 1.0F / std::sqrt(static_cast<float>(x.size()));
  for (float& entry : x) entry *= scale;
}

void ItemSet::draw(std::int64_t row, std::span<float> x) const {
  if (!table_) return source_.draw(0, static_cast<std::uint64_t>(row), x);
  std::copy_n(table_->rows.begin() + row * static_cast<std::int64_t>(x.size()), x.size(),
              x.begin());
}

void add_noise(const ItemSource& noise, std::uint64_t step, std::uint64_t index, double epsilon,
               std::span<float> x, std::span<float> xi) {
  noise.draw(step, index, xi);
  const double scale = 1 / std::sqrt(1 + epsilon * epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>((double{x[i]} + epsilon * double{xi[i]}) * scale);
  }
}

std::vector<Label> draw_labels(std::int64_t seed, std::int64_t count,
                               std::optional<std::int64_t> label_count) {
  const auto size = static_cast<std::size_t>(count);
  std::vector<Label> labels(size);
  for (std::size_t k = 0; k < size; ++k) {
    labels[k] = label_count ? static_cast<Label>(static_cast<std::int64_t>(k) % *label_count) + 1
                            : (k < size / 2 ? 1 : -1);
  }
  // Fisher-Yates: label k changes places with a uniformly chosen one of labels 0 .. k.
  for (std::size_t k = size - 1; k > 0; --k) {
    const Stream stream(static_cast<std::uint64_t>(seed), Purpose::labels, 0, k);
    const auto other = stream.below(static_cast<std::uint32_t>(k + 1), 0, stream.block(0)[0]);
    std::swap(labels[k], labels[other]);
  }
  return labels;
}

}  // namespace icl::task
