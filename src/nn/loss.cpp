#include "icl/nn/loss.hpp"

#include <algorithm>
#include <limits>

#include "icl/core/math.hpp"
#include "icl/nn/fit.hpp"

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

Label label_of(const Answers& answers, std::int64_t r) {
  return answers.labels[static_cast<std::size_t>(r)];
}

/// -ln p_y = ln(1 + e^-m), m = z_y - ln(sum of e^z over the others): the logistic loss of a margin,
/// which is exact to rounding wherever p_y is near 1.
LossSums cross_entropy(const Answers& answers, ConstMatrixView z) {
  LossSums sums;
  for (std::int64_t r = 0; r < answers.count; ++r) {
    const Real* row = z.row(r);
    const std::int64_t y = label_of(answers, r) - 1;
    const Others others = others_of(row, z.columns, y);
    sums.loss += math::softplus(others.log_sum - static_cast<double>(row[y]));
    sums.correct += static_cast<double>(row[y]) > others.greatest ? 1 : 0;
  }
  return sums;
}

void cross_entropy_gradient(const Answers& answers, ConstMatrixView z, MatrixView dz) {
  const auto n = static_cast<double>(answers.count);
  for (std::int64_t r = 0; r < answers.count; ++r) {
    const Real* row = z.row(r);
    const std::int64_t y = label_of(answers, r) - 1;
    const Others others = others_of(row, z.columns, y);
    // loss = softplus(-m), m = z_y - s, s = ln(sum over c != y of e^z_c):
    //   d loss / dz_y = -sigma(-m) = p_y - 1,  d loss / dz_c = sigma(-m) e^(z_c - s) = p_c
    const double wrong = math::logistic(others.log_sum - static_cast<double>(row[y]));
    for (std::int64_t c = 0; c < z.columns; ++c) {
      const double p =
          c == y ? -wrong : wrong * math::exp(static_cast<double>(row[c]) - others.log_sum);
      dz.row(r)[c] = static_cast<Real>(p / n);
    }
  }
}

LossSums squared(const Answers& answers, ConstMatrixView z) {
  LossSums sums;
  for (std::int64_t r = 0; r < answers.count; ++r) {
    double total = 0;
    for (std::int64_t p = 0; p < z.columns; ++p) {
      const double error =
          static_cast<double>(z.row(r)[p]) - static_cast<double>(answers.values.row(r)[p]);
      total += error * error;
    }
    sums.loss += total / static_cast<double>(z.columns);
  }
  return sums;
}

void squared_gradient(const Answers& answers, ConstMatrixView z, MatrixView dz) {
  const double scale = 2 / (static_cast<double>(z.columns) * static_cast<double>(answers.count));
  for (std::int64_t r = 0; r < answers.count; ++r) {
    for (std::int64_t p = 0; p < z.columns; ++p) {
      // loss = sum_p (z_p - v_p)^2 / P:  d loss / dz_p = 2 (z_p - v_p) / P
      const double error =
          static_cast<double>(z.row(r)[p]) - static_cast<double>(answers.values.row(r)[p]);
      dz.row(r)[p] = static_cast<Real>(scale * error);
    }
  }
}

/// The answers [R], and one logit or gradient each.
std::span<const Label> labels_of(const Answers& answers) {
  return answers.labels.first(static_cast<std::size_t>(answers.count));
}
template <class Number>
std::span<Number> column(const Answers& answers, BasicMatrixView<Number> z) {
  return {z.data, static_cast<std::size_t>(answers.count)};
}

}  // namespace

/// z is one of outputs or gradients [R, C], and what is asked for is there.
void Loss::require_fits(const Answers& answers, std::string_view what, ConstMatrixView z) const {
  const auto require = [&](std::string_view of_what, const ConstMatrixView& given,
                           std::int64_t columns) {
    const bool fits = given.columns == columns && given.rows >= answers.count;
    if (!fits) report_misfit("the loss", of_what, given, answers.count, columns);
  };
  require(what, z, asked_.outputs);
  if (asked_.loss == LossKind::squared) {
    require("numbers asked for", answers.values, asked_.outputs);
  } else {
    require("answers", ConstMatrixView(nullptr, std::ssize(answers.labels), 1), 1);
  }
}

LossSums Loss::sums(const Answers& answers, ConstMatrixView z) const {
  require_fits(answers, "outputs", z);
  switch (asked_.loss) {
    case LossKind::logistic:
      break;
    case LossKind::cross_entropy:
      return cross_entropy(answers, z);
    case LossKind::squared:
      return squared(answers, z);
  }
  return logistic_loss(column(answers, z), labels_of(answers));
}

void Loss::gradient(const Answers& answers, ConstMatrixView z, MatrixView dz) const {
  require_fits(answers, "outputs", z);
  require_fits(answers, "gradients", dz);
  switch (asked_.loss) {
    case LossKind::logistic:
      return logistic_loss_gradient(column(answers, z), labels_of(answers), column(answers, dz));
    case LossKind::cross_entropy:
      return cross_entropy_gradient(answers, z, dz);
    case LossKind::squared:
      return squared_gradient(answers, z, dz);
  }
}

double Loss::margin(const Answers& answers, std::int64_t r, ConstMatrixView z) const {
  require_fits(answers, "outputs", z);
  switch (asked_.loss) {
    case LossKind::logistic:
      return static_cast<double>(*z.row(r)) * label_of(answers, r);
    case LossKind::cross_entropy: {
      const std::int64_t y = label_of(answers, r) - 1;
      return static_cast<double>(z.row(r)[y]) - others_of(z.row(r), z.columns, y).log_sum;
    }
    case LossKind::squared:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace icl::nn
