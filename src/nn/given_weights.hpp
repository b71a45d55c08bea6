#pragma once

#include <algorithm>
#include <cstdint>

#include "icl/nn/heads_attention.hpp"

namespace icl::nn {

/// The weights a [Tq, T] of a head where they are not learned; `copies` [T] of the last token.
inline void replace(Attending what, const Real* copies, std::int64_t queries, std::int64_t tokens,
                    Real* a) {
  if (what == Attending::learned) return;
  if (what == Attending::copy) {
    std::copy_n(copies, tokens, a + (queries - 1) * tokens);
    return;
  }
  std::fill_n(a, queries * tokens, Real{0});
  for (std::int64_t i = 0; i < queries; ++i) {
    const std::int64_t place = tokens - queries + i;
    if (what == Attending::uniform) {
      std::fill_n(a + i * tokens, place + 1, Real{1} / static_cast<Real>(place + 1));
    } else if (what == Attending::previous) {
      a[i * tokens + std::max<std::int64_t>(place - 1, 0)] = 1;
    }
  }
}

/// Weights that were replaced have no gradient ds [Tq, T].
inline void stop(Attending what, std::int64_t queries, std::int64_t tokens, Real* ds) {
  if (what == Attending::learned) return;
  const std::int64_t first = what == Attending::copy ? queries - 1 : 0;
  std::fill_n(ds + first * tokens, (queries - first) * tokens, Real{0});
}

/// Of sequence b; nullptr where no head attends to copies.
inline const Real* copies_of(const Given& given, std::int64_t b) {
  return given.copies.is_none() ? nullptr : given.copies.row(b);
}

}  // namespace icl::nn
