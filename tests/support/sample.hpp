#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/batch.hpp"
#include "icl/core/simd.hpp"
#include "icl/nn/token_norm.hpp"
#include "support/random.hpp"

namespace icl::test {

struct SampleShape {
  std::int64_t batch;          ///< B
  std::int64_t length;         ///< N
  std::int64_t dimension;      ///< D
  std::int64_t diversity = 6;  ///< K: small, so that most targets occur in their context
  std::int64_t labels = 0;     ///< L, or 0 for the labels -1 and +1
};

/// A batch of random sequences together with the items behind its encoded tokens.
struct Sample {
  Sample(const SampleShape& s, const TokenEncoder& encoder, std::uint64_t seed = 1)
      : items({s.diversity, s.dimension}), labels(draw_labels(s.labels, s.diversity, seed)) {
    fill_normal(items.values(), seed, 1 / std::sqrt(static_cast<double>(s.dimension)));
    tokens.context = Tensor({s.diversity, encoder.token_width()});
    tokens.target = Tensor({s.diversity, encoder.token_width()});
    for (std::int64_t k = 0; k < s.diversity; ++k) {
      encoder.encode(item(k), labels[k], tokens.context.row(k));
      encoder.encode(item(k), 0, tokens.target.row(k));
    }
    batch.size = s.batch;
    batch.length = s.length;
    batch.table = &tokens;
    batch.items = BasicTensor<std::int32_t>({s.batch, s.length});
    const auto words = random_words(static_cast<std::size_t>(batch.items.size()), seed + 1);
    for (std::int64_t i = 0; i < batch.items.size(); ++i) {
      batch.items[i] = static_cast<std::int32_t>(words[static_cast<std::size_t>(i)] %
                                                 static_cast<std::uint32_t>(s.diversity));
    }
    batch.answer = draw_labels(s.labels, s.batch, seed + 2);
    batch.copy = BasicTensor<std::uint8_t>({s.batch, s.length - 1});
    mark_copies();
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  static BasicTensor<Label> draw_labels(std::int64_t labels, std::int64_t count,
                                        std::uint64_t seed) {
    return labels == 0 ? random_answers(count, seed) : random_labels(count, labels, seed);
  }

  [[nodiscard]] std::span<const float> item(std::int64_t k) const {
    return {items.row(k), static_cast<std::size_t>(items.extent(1))};
  }
  /// The number of context tokens of sequence b that are copies of its target.
  [[nodiscard]] std::int64_t copies(std::int64_t b) const {
    const std::int32_t* row = batch.items.row(b);
    return std::count(row, row + batch.length - 1, row[batch.length - 1]);
  }
  /// Fills batch.copy, as has to be done again after batch.items has changed.
  void mark_copies() {
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const std::int32_t* row = batch.items.row(b);
      for (std::int64_t j = 0; j + 1 < batch.length; ++j) {
        batch.copy.row(b)[j] = row[j] == row[batch.length - 1] ? 1 : 0;
      }
    }
  }

  BasicTensor<float> items;   ///< [K, D]
  BasicTensor<Label> labels;  ///< [K]
  TokenTable tokens;
  Batch batch;
};

/// Plain tokens [x ; l].
class PlainEncoder final : public TokenEncoder {
 public:
  explicit PlainEncoder(std::int64_t dimension) : dimension_(dimension) {}
  [[nodiscard]] std::int64_t token_width() const override { return simd::padded(dimension_ + 1); }
  void encode(std::span<const float> item, int label, Real* row) const override {
    std::fill_n(std::copy(item.begin(), item.end(), row), token_width() - dimension_, Real{0});
    row[dimension_] = static_cast<Real>(label);
  }

 private:
  std::int64_t dimension_;
};

/// The encoder of a TokenNorm that no model owns.
class NormEncoder final : public TokenEncoder {
 public:
  explicit NormEncoder(const nn::TokenNorm& norm) : norm_(norm) {}
  [[nodiscard]] std::int64_t token_width() const override { return norm_.reduced_width(); }
  void encode(std::span<const float> item, int label, Real* row) const override {
    norm_.encode(item, label, row);
  }

 private:
  const nn::TokenNorm& norm_;
};

}  // namespace icl::test
