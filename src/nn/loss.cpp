#include "icl/nn/loss.hpp"

#include <algorithm>
#include <limits>

#include "icl/core/math.hpp"

namespace icl::nn {
namespace {

using config::LossKind;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Greatest of z [C] but for entry `left_out`, and ln(sum of e^z) over the same. NaN if one of
/// them is. -infinity of none.
struct Others {
  double greatest = -infinity;
  double log_sum = -infinity;
};

Others others_of(const Real* z, std::int64_t outputs, std::int64_t left_out) {
  Others others;
  bool is_number = true;
  for (std::int64_t c = 0; c < outputs; ++c) {
    if (c == left_out) continue;
    is_number = is_number && z[c] == z[c];
    others.greatest = std::max(others.greatest, static_cast<double>(z[c]));
  }
  if (!is_number) others.greatest = std::numeric_limits<double>::quiet_NaN();
  if (!(others.greatest > -infinity && others.greatest < infinity)) {
    return {others.greatest, others.greatest};
  }
  double sum = 0;
  for (std::int64_t c = 0; c < outputs; ++c) {
    if (c != left_out) sum += math::exp(static_cast<double>(z[c]) - others.greatest);
  }
  others.log_sum = others.greatest + math::log(sum);
  return others;
}

/// -ln p_y = ln(1 + e^-m), m = z_y - ln(sum of e^z over the others): the logistic loss of a margin,
/// which is exact to rounding wherever p_y is near 1.
LossSums cross_entropy(const Batch& batch, const Real* z, std::int64_t outputs) {
  LossSums sums;
  for (std::int64_t b = 0; b < batch.size; ++b) {
    const Real* row = z + b * outputs;
    const std::int64_t y = batch.answer[b] - 1;
    const Others others = others_of(row, outputs, y);
    sums.loss += math::softplus(others.log_sum - static_cast<double>(row[y]));
    sums.correct += static_cast<double>(row[y]) > others.greatest ? 1 : 0;
  }
  return sums;
}

void cross_entropy_gradient(const Batch& batch, const Real* z, std::int64_t outputs, Real* dz) {
  const auto n = static_cast<double>(batch.size);
  for (std::int64_t b = 0; b < batch.size; ++b) {
    const Real* row = z + b * outputs;
    const std::int64_t y = batch.answer[b] - 1;
    const Others others = others_of(row, outputs, y);
    // loss = softplus(-m), m = z_y - s, s = ln(sum over c != y of e^z_c):
    //   d loss / dz_y = -sigma(-m) = p_y - 1,  d loss / dz_c = sigma(-m) e^(z_c - s) = p_c
    const double wrong = math::logistic(others.log_sum - static_cast<double>(row[y]));
    for (std::int64_t c = 0; c < outputs; ++c) {
      const double p =
          c == y ? -wrong : wrong * math::exp(static_cast<double>(row[c]) - others.log_sum);
      dz[b * outputs + c] = static_cast<Real>(p / n);
    }
  }
}

LossSums squared(const Batch& batch, const Real* z, std::int64_t outputs) {
  LossSums sums;
  for (std::int64_t b = 0; b < batch.size; ++b) {
    double total = 0;
    for (std::int64_t p = 0; p < outputs; ++p) {
      const double error =
          static_cast<double>(z[b * outputs + p]) - static_cast<double>(batch.value.row(b)[p]);
      total += error * error;
    }
    sums.loss += total / static_cast<double>(outputs);
  }
  return sums;
}

void squared_gradient(const Batch& batch, const Real* z, std::int64_t outputs, Real* dz) {
  const double scale = 2 / (static_cast<double>(outputs) * static_cast<double>(batch.size));
  for (std::int64_t b = 0; b < batch.size; ++b) {
    for (std::int64_t p = 0; p < outputs; ++p) {
      // loss = sum_p (z_p - v_p)^2 / P:  d loss / dz_p = 2 (z_p - v_p) / P
      const std::int64_t i = b * outputs + p;
      const double error = static_cast<double>(z[i]) - static_cast<double>(batch.value.row(b)[p]);
      dz[i] = static_cast<Real>(scale * error);
    }
  }
}

}  // namespace

LossSums Loss::sums(const Batch& batch, const Real* z) const {
  switch (asked_.loss) {
    case LossKind::logistic:
      break;
    case LossKind::cross_entropy:
      return cross_entropy(batch, z, asked_.outputs);
    case LossKind::squared:
      return squared(batch, z, asked_.outputs);
  }
  return logistic_loss(batch.size, z, batch.answer.data());
}

void Loss::gradient(const Batch& batch, const Real* z, Real* dz) const {
  switch (asked_.loss) {
    case LossKind::logistic:
      return logistic_loss_gradient(batch.size, z, batch.answer.data(), dz);
    case LossKind::cross_entropy:
      return cross_entropy_gradient(batch, z, asked_.outputs, dz);
    case LossKind::squared:
      return squared_gradient(batch, z, asked_.outputs, dz);
  }
}

double Loss::margin(const Batch& batch, std::int64_t b, const Real* z) const {
  switch (asked_.loss) {
    case LossKind::logistic:
      return static_cast<double>(z[0]) * batch.answer[b];
    case LossKind::cross_entropy: {
      const std::int64_t y = batch.answer[b] - 1;
      return static_cast<double>(z[y]) - others_of(z, asked_.outputs, y).log_sum;
    }
    case LossKind::squared:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace icl::nn
