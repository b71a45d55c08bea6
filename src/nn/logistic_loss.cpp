#include "icl/nn/logistic_loss.hpp"

#include "icl/core/math.hpp"

namespace icl::nn {

LossSums logistic_loss(std::int64_t batch, const Real* z, const Label* y) {
  LossSums sums;
  for (std::int64_t b = 0; b < batch; ++b) {
    const double margin = static_cast<double>(z[b]) * y[b];
    sums.loss += math::softplus(-margin);
    sums.correct += margin > 0 ? 1 : 0;
  }
  return sums;
}

void logistic_loss_gradient(std::int64_t batch, const Real* z, const Label* y, Real* dz) {
  for (std::int64_t b = 0; b < batch; ++b) {
    const double margin = static_cast<double>(z[b]) * y[b];
    // loss = softplus(-m):  d loss / dm = -sigma(-m), and dm / dz = y
    dz[b] = static_cast<Real>(-y[b] * math::logistic(-margin) / static_cast<double>(batch));
  }
}

}  // namespace icl::nn
