#pragma once

#include "icl/core/gemm.hpp"

namespace icl::test {

/// Every program whose tests reach gemm includes this: BLAS is prepared before main.
inline const bool blas_is_ready = [] {
  prepare_blas();
  return true;
}();

}  // namespace icl::test
