#pragma once

#include <algorithm>
#include <cstdint>

#include "icl/config/blocks.hpp"
#include "icl/core/simd.hpp"
#include "icl/nn/tokens.hpp"

namespace icl::nn {

/// From scores s [n], in place, the weights a of a token that attends to the first `reach` of n:
/// their softmax, or s_j / reach; 0 over the rest.
inline void causal_weights(config::AttentionKind kind, std::int64_t reach, std::int64_t n,
                           Real* s) {
  if (kind == config::AttentionKind::softmax) {
    softmax(s, reach);
  } else {
    const Real share = Real{1} / static_cast<Real>(reach);
    for (std::int64_t j = 0; j < reach; ++j) s[j] *= share;
  }
  std::fill(s + reach, s + n, Real{0});
}

/// From the gradients of these weights a, in place, those of the scores.
inline void causal_weights_backward(config::AttentionKind kind, const Real* a, std::int64_t reach,
                                    std::int64_t n, Real* ds) {
  if (kind == config::AttentionKind::softmax) {
    // a = softmax(s):  ds_j = a_j (da_j - sum_k a_k da_k)
    const Real mean = simd::dot(a, ds, reach);
    for (std::int64_t j = 0; j < reach; ++j) ds[j] = a[j] * (ds[j] - mean);
  } else {
    // a_j = s_j / reach:  ds_j = da_j / reach
    const Real share = Real{1} / static_cast<Real>(reach);
    for (std::int64_t j = 0; j < reach; ++j) ds[j] *= share;
  }
  std::fill(ds + reach, ds + n, Real{0});
}

}  // namespace icl::nn
