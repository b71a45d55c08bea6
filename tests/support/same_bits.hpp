#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/core/tensor.hpp"

namespace icl::test {

/// Thread counts under which everything must have the same bits.
inline constexpr std::array worker_counts{1, 2, 3, 4, 8};

/// Unlike ==, tells 0 from -0 and is content with equal NaN.
inline testing::AssertionResult same_bits(const Tensor& a, const Tensor& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << "sizes differ";
  for (std::int64_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(Real)) != 0) {
      return testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return testing::AssertionSuccess();
}

inline testing::AssertionResult same_bits(const std::vector<Tensor>& a,
                                          const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << "numbers of tensors differ";
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (auto same = same_bits(a[i], b[i]); !same) return same << " of tensor " << i;
  }
  return testing::AssertionSuccess();
}

/// std::vector<Tensor>{t...}, which cannot be written because tensors only move.
template <class... T>
std::vector<Tensor> tensors(T&&... t) {
  std::vector<Tensor> all;
  (all.push_back(std::move(t)), ...);
  return all;
}

/// Calls run(workers), which returns all that it computed, for each of worker_counts.
template <class Run>
void expect_same_bits_for_any_number_of_workers(const Run& run) {
  const std::vector<Tensor> expected = run(Workers(1));
  for (const int threads : worker_counts) {
    EXPECT_TRUE(same_bits(expected, run(Workers(threads)))) << threads << " workers";
  }
}

}  // namespace icl::test
