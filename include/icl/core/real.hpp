#pragma once

namespace icl {

/// The number type of weights, activations and gradients: float for use, double for the build that
/// checks gradients (CMake compiles every library a second time with ICL_REAL_DOUBLE).
#ifdef ICL_REAL_DOUBLE
using Real = double;
#else
using Real = float;
#endif

}  // namespace icl
