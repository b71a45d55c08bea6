#pragma once

#include <cstdint>

#include "icl/core/tensor.hpp"

namespace icl::nn {

/// Cosines and sines of the angles t 10000^(-2 i / width), t a place in a sequence and i < width /
/// 2 a pair of entries (Vaswani et al. 2017). The same bits on every CPU; absolute error under
/// 1e-11 in double for t < 65536.
struct Angles {
  /// `width` is even, or counted as the even number above it.
  Angles(std::int64_t places, std::int64_t width, Storage storage = {});

  Tensor cos, sin;  ///< [places, width / 2]
};

/// Turns the pairs (v_i, v_{i + width/2}) by the angles of place t (Su et al. 2021, in the order of
/// GPT-NeoX), or back.
enum class Turn : std::uint8_t { forth, back };
void turn(const Angles&, std::int64_t t, Turn, Real* v);

}  // namespace icl::nn
