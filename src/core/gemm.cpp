#include "icl/core/gemm.hpp"

#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <string_view>

#include "icl/core/error.hpp"
#include "icl/core/parallel.hpp"

namespace icl {
namespace {

CBLAS_TRANSPOSE cblas_op(Op op) { return op == Op::none ? CblasNoTrans : CblasTrans; }

blasint index(std::int64_t i) { return static_cast<blasint>(i); }

std::atomic<int> threads_at_start{1};

}  // namespace

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Real alpha, Operand a, Operand b,
          Real beta, Real* c, std::int64_t c_stride) {
#ifdef ICL_REAL_DOUBLE
  constexpr auto blas_gemm = cblas_dgemm;
#else
  constexpr auto blas_gemm = cblas_sgemm;
#endif
  // From 0.3.22 on, OpenBLAS's openmp build splits a product among omp_get_max_threads() threads
  // whenever it is called outside of a parallel region, whatever openblas_set_num_threads() said.
  keep_others_to_one_thread();
  if (beta == Real{0}) {
    // OpenBLAS clears C with a loop several times slower than this.
    for (std::int64_t i = 0; i < m; ++i) std::fill_n(c + i * c_stride, n, Real{0});
    beta = 1;
  }
  blas_gemm(CblasRowMajor, cblas_op(a.op), cblas_op(b.op), index(m), index(n), index(k), alpha,
            a.data, index(a.stride), b.data, index(b.stride), beta, c, index(c_stride));
}

BlasInfo blas_info() {
  const int parallel = openblas_get_parallel();
  return {openblas_get_config(), openblas_get_corename(),
          parallel == OPENBLAS_OPENMP   ? "openmp"
          : parallel == OPENBLAS_THREAD ? "pthread"
                                        : "serial"};
}

int blas_threads_at_start() { return threads_at_start; }

void prepare_blas() {
  threads_at_start = std::max(threads_at_start.load(), openblas_get_num_threads());
  openblas_set_num_threads(1);
  if (std::string_view(openblas_get_corename()) == "SkylakeX" &&
      __builtin_cpu_supports("avx512f") == 0) {
    throw Error(ExitCode::internal,
                "OPENBLAS_CORETYPE asks for the SkylakeX kernels, but this CPU has no AVX-512");
  }
  if (openblas_get_parallel() != OPENBLAS_OPENMP) {
    throw Error(ExitCode::internal,
                "this program is linked with the " + blas_info().threading +
                    " build of OpenBLAS; only the openmp build may be called from several OpenMP "
                    "threads at once (Debian: libopenblas-openmp-dev)");
  }
}

}  // namespace icl
