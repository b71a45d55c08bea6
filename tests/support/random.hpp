#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "icl/core/batch.hpp"
#include "icl/core/random.hpp"
#include "icl/core/tensor.hpp"

namespace icl::test {

/// `count` random words: a pure function of the seed.
inline std::vector<std::uint32_t> random_words(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> words(count);
  Stream(seed, Purpose::labels, 0, 0).words(0, words);
  return words;
}

/// Fills out with mean + deviation N(0, 1): a pure function of the seed.
template <class T>
void fill_normal(std::span<T> out, std::uint64_t seed, double deviation = 1, double mean = 0) {
  std::vector<float> normals(out.size());
  Stream(seed, Purpose::novel_items, 0, 0).normals(normals);
  for (std::size_t i = 0; i < out.size(); ++i) {
    // In float, so that the float and the double build work on the same numbers.
    out[i] = static_cast<float>(mean + deviation * static_cast<double>(normals[i]));
  }
}

inline Tensor normal_tensor(std::initializer_list<std::int64_t> shape, std::uint64_t seed,
                            double deviation = 1) {
  Tensor tensor(shape);
  fill_normal(tensor.values(), seed, deviation);
  return tensor;
}

/// Labels +1 and -1, at random.
inline BasicTensor<Label> random_answers(std::int64_t count, std::uint64_t seed) {
  BasicTensor<Label> answers({count});
  const auto words = random_words(static_cast<std::size_t>(count), seed);
  for (std::int64_t i = 0; i < count; ++i) {
    answers[i] = (words[static_cast<std::size_t>(i)] >> 31U) != 0 ? Label{1} : Label{-1};
  }
  return answers;
}

/// Labels 1 to L, at random.
inline BasicTensor<Label> random_labels(std::int64_t count, std::int64_t label_count,
                                        std::uint64_t seed) {
  BasicTensor<Label> labels({count});
  const auto words = random_words(static_cast<std::size_t>(count), seed);
  for (std::int64_t i = 0; i < count; ++i) {
    labels[i] = static_cast<Label>(words[static_cast<std::size_t>(i)] %
                                   static_cast<std::uint32_t>(label_count)) +
                1;
  }
  return labels;
}

}  // namespace icl::test
