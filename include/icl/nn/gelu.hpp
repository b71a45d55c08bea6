#pragma once

#include <cstdint>

#include "icl/core/real.hpp"

namespace icl::nn {

/// h_i = z_i sigma(2 u_i), u = sqrt(2 / pi) (z + 0.044715 z^3), for n numbers: the form of GELU by
/// a hyperbolic tangent (Hendrycks & Gimpel 2016), as torch.nn.GELU(approximate="tanh"). The same
/// bits on every CPU. h may be z.
void gelu(const Real* z, std::int64_t n, Real* h);

/// dz_i = dh_i gelu'(z_i), in place of dh.
void gelu_backward(const Real* z, std::int64_t n, Real* dh);

}  // namespace icl::nn
