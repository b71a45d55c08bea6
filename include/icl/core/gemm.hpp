#pragma once

#include <cstdint>
#include <string>

#include "icl/core/real.hpp"

namespace icl {

enum class Op { none, transpose };

/// A matrix operand: row-major storage with `stride` elements from one row to the next.
struct Operand {
  const Real* data;
  std::int64_t stride;
  Op op = Op::none;
};

/// C <- alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n] and C [m, n], all row-major.
///
/// One BLAS thread, whoever calls: safe to call from every worker at once, and equal shapes give
/// equal bits. A different cut of the same product may round differently, so callers cut in fixed
/// tiles. With beta = 0, C is written only. Does not check for NaN: 0 x NaN depends on the kernels.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Real alpha, Operand a, Operand b,
          Real beta, Real* c, std::int64_t c_stride);

/// What the linked OpenBLAS says of itself.
struct BlasInfo {
  std::string config;      ///< version and build options
  std::string kernel_set;  ///< the core type whose kernels run; bits depend on it
  std::string threading;   ///< "serial", "pthread" or "openmp"
  bool operator==(const BlasInfo&) const = default;
};
[[nodiscard]] BlasInfo blas_info();

/// Sets OpenBLAS to one thread and refuses a build that is not safe to call from several threads at
/// once (the serial build returns wrong numbers silently), and kernels that this CPU cannot run.
/// Call once, before the first gemm. Throws Error(ExitCode::internal).
void prepare_blas();

/// How many threads OpenBLAS made room for when the program started; 1 before prepare_blas().
[[nodiscard]] int blas_threads_at_start();

}  // namespace icl
