#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "icl/core/batch.hpp"

namespace icl::nn {

/// What the target attends to, or one head.
enum class Attending : std::uint8_t {
  learned,   ///< softmax of the scores
  uniform,   ///< equally to all tokens that it may attend to
  copy,      ///< equally to the copies of the target; to nothing where there is none
  none,      ///< to nothing: the attention term is left out
  previous,  ///< of a head alone: each token to the one before it, the first to itself
};

/// What a head is clamped to: with uniform, none and previous all its tokens, with copy the target.
struct HeadClamp {
  static constexpr std::int64_t all = -1;
  std::int64_t layer;
  std::int64_t head;  ///< or all of the layer
  Attending to;
};

/// What attention is clamped to: the target in the last layer, and single heads of any, which win;
/// of two on one head the latter does.
struct Clamps {
  // NOLINTNEXTLINE(google-explicit-constructor): the target's alone is one
  Clamps(Attending the_target = Attending::learned, std::span<const HeadClamp> some_heads = {})
      : target(the_target), heads(some_heads) {}
  Attending target;
  std::span<const HeadClamp> heads;  ///< the owner's
};

/// The N - 1 weights of the context, and the target's own last, for any way of attending but the
/// learned one; `self` says whether uniform attention counts the target. Returns their sum: 1, or 0
/// where nothing is attended to.
inline Real fixed_weights(Attending attending, const Batch& batch, std::int64_t b, bool self,
                          Real* a) {
  const std::int64_t context = batch.length - 1;
  std::int64_t count = 0;
  std::fill_n(a, batch.length, Real{0});
  switch (attending) {
    case Attending::uniform:
      count = context + (self ? 1 : 0);
      std::fill_n(a, count, Real{1} / static_cast<Real>(count));
      break;
    case Attending::copy: {
      const std::uint8_t* copy = batch.copy.row(b);
      for (std::int64_t j = 0; j < context; ++j) count += copy[j];
      if (count == 0) break;
      const Real weight = Real{1} / static_cast<Real>(count);
      for (std::int64_t j = 0; j < context; ++j) a[j] = copy[j] != 0 ? weight : Real{0};
      break;
    }
    case Attending::learned:
    case Attending::none:
    case Attending::previous:
      break;
  }
  return count > 0 ? Real{1} : Real{0};
}

}  // namespace icl::nn
