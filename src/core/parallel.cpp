#include "icl/core/parallel.hpp"

#include <omp.h>
#include <xmmintrin.h>

#include "icl/core/error.hpp"

namespace icl {

void Workers::run(std::int64_t tasks, void (*call)(const void*, std::int64_t),
                  const void* context) const {
  if (threads_ == 1 || tasks <= 1) {
    for (std::int64_t i = 0; i < tasks; ++i) call(context, i);
    return;
  }
#pragma omp parallel for num_threads(threads_) schedule(static, 1)
  for (std::int64_t i = 0; i < tasks; ++i) call(context, i);
}

void require_cpu() {
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("fma") == 0) {
    throw Error(ExitCode::internal, "this program needs a CPU with AVX2 and FMA (x86-64-v3)");
  }
}

// Not by sched_getaffinity: with OMP_PROC_BIND the runtime has bound this thread to one CPU.
int available_cpus() { return omp_get_num_procs(); }

void keep_others_to_one_thread() { omp_set_num_threads(1); }

std::string openmp_version() { return "OpenMP " + std::to_string(_OPENMP); }

void use_ieee_arithmetic() {
  constexpr unsigned int default_control = 0x1f80;  // all exceptions masked, round to nearest
  _mm_setcsr(default_control);
}

}  // namespace icl
