#pragma once

#include <cmath>
#include <cstdint>

#include "icl/core/real.hpp"

namespace icl::nn {

/// out_i = a_i b_i.
inline void multiply(const Real* a, const Real* b, std::int64_t n, Real* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * b[i];
}

/// out_i += a_i b_i, rounded once.
inline void add_product(const Real* a, const Real* b, std::int64_t n, Real* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = std::fma(a[i], b[i], out[i]);
}

/// out_i += a_i.
inline void add(const Real* a, std::int64_t n, Real* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] += a[i];
}

}  // namespace icl::nn
