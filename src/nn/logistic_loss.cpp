#include "icl/nn/logistic_loss.hpp"

#include "icl/core/math.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {
namespace {

void require_one_each(std::string_view what, std::span<const Real> given,
                      std::span<const Label> y) {
  if (given.size() == y.size()) return;
  const ConstMatrixView view(given.data(), std::ssize(given), 1);
  report_misfit("the logistic loss", what, view, std::ssize(y), 1);
}

}  // namespace

LossSums logistic_loss(std::span<const Real> z, std::span<const Label> y) {
  require_one_each("logits", z, y);
  LossSums sums;
  for (std::size_t b = 0; b < y.size(); ++b) {
    const double margin = static_cast<double>(z[b]) * y[b];
    sums.loss += math::softplus(-margin);
    sums.correct += margin > 0 ? 1 : 0;
  }
  return sums;
}

void logistic_loss_gradient(std::span<const Real> z, std::span<const Label> y, std::span<Real> dz) {
  require_one_each("logits", z, y);
  require_one_each("gradients", dz, y);
  for (std::size_t b = 0; b < y.size(); ++b) {
    const double margin = static_cast<double>(z[b]) * y[b];
    // loss = softplus(-m):  d loss / dm = -sigma(-m), and dm / dz = y
    dz[b] = static_cast<Real>(-y[b] * math::logistic(-margin) / static_cast<double>(y.size()));
  }
}

}  // namespace icl::nn
