#include "icl/core/parallel.hpp"

#include <omp.h>
#include <xmmintrin.h>

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

int available_cpus() { return omp_get_num_procs(); }

std::string openmp_version() { return "OpenMP " + std::to_string(_OPENMP); }

void use_ieee_arithmetic() {
  constexpr unsigned int default_control = 0x1f80;  // all exceptions masked, round to nearest
  _mm_setcsr(default_control);
}

}  // namespace icl
