#include "icl/core/cut.hpp"

#include "icl/core/gemm.hpp"
#include "icl/core/real.hpp"

namespace icl {
namespace {

bool kernels_add_in_order() {
  static const bool in_order = [] {
    const std::string kernels = blas_info().kernel_set;
    return sizeof(Real) == sizeof(float) && (kernels == "SkylakeX" || kernels == "Cooperlake");
  }();
  return in_order;
}

}  // namespace

bool may_join(const Cut& cut) {
  constexpr std::int64_t small_product = 1'000'000;
  const std::int64_t rest = cut.extent % cut.tile;
  const std::int64_t smallest = rest > 0 ? rest : cut.tile;
  return smallest * cut.other * cut.k > small_product && kernels_add_in_order();
}

std::int64_t task_extent(const Cut& cut, int threads) {
  return threads == 1 && may_join(cut) ? cut.extent : cut.tile;
}

}  // namespace icl
