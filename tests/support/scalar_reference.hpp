#pragma once

#include "support/reference.hpp"
#include "support/rounding_error.hpp"

/// The attention of the system scalar_beta written down naively, in double: whole tokens, explicit
/// values; and once more in numbers that carry their rounding errors.
namespace icl::test::reference {

struct ScalarAttention {
  double beta = 0;
  Vector value;  ///< W_v
  nn::LabelCode code = nn::LabelCode::onehot;

  /// Token j of sequence b.
  [[nodiscard]] Vector token_of(const Sample& sample, std::int64_t b, std::int64_t j) const {
    const std::int64_t k = sample.batch.items.row(b)[j];
    const bool target = j + 1 == sample.batch.length;
    return token(sample.item(k), target ? 0 : sample.labels[k], code);
  }

  /// h [X] = t_N + sum_j a_j W_v t_j of sequence b.
  [[nodiscard]] Vector forward(const Sample& sample, std::int64_t b,
                               nn::Attending attending) const {
    const std::int64_t length = sample.batch.length;
    const Vector a = LabelAttention{0, beta, true}.weights(sample, b, attending);
    Vector h = token_of(sample, b, length - 1);
    for (std::int64_t j = 0; j < length; ++j) {
      const Vector v = product(value, token_of(sample, b, j));
      for (std::size_t i = 0; i < h.size(); ++i) h[i] += a[static_cast<std::size_t>(j)] * v[i];
    }
    return h;
  }
};

/// h of sequence b as nn::ScalarAttention computes it.
inline RoundedVector rounded_attention(const ScalarAttention& w, const Sample& sample,
                                       std::int64_t b, nn::Attending attending) {
  const std::int64_t length = sample.batch.length;
  const RoundedVector a = rounded_weights(LabelAttention{0, w.beta, true}, sample, b, attending);
  const auto dimension = static_cast<std::size_t>(sample.items.extent(1));
  RoundedVector c(dimension);
  Rounded context;
  Rounded labels;
  for (std::int64_t j = 0; j < length; ++j) {
    const std::int64_t k = sample.batch.items.row(b)[j];
    const Rounded& weight = a[static_cast<std::size_t>(j)];
    for (std::size_t i = 0; i < dimension; ++i) {
      c[i] = c[i] + weight * Rounded(sample.items.row(k)[i]);
    }
    if (j + 1 == length) continue;
    context = context + weight;
    labels = labels + weight * Rounded(sample.labels[k]);
  }
  if (w.code == nn::LabelCode::scalar) {
    c.push_back(labels);
  } else {
    c.push_back((context - labels) * Rounded(0.5));
    c.push_back((context + labels) * Rounded(0.5));
  }
  RoundedVector h = product(w.value, c);
  const Vector target = w.token_of(sample, b, length - 1);
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = h[i] + Rounded(target[i]);
  return h;
}

}  // namespace icl::test::reference
