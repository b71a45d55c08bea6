#include "icl/nn/loss.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"

namespace icl::nn {
namespace {

using config::LossKind;

constexpr double infinity = std::numeric_limits<double>::infinity();

long double wide(Real x) { return static_cast<long double>(x); }

/// A batch that asks for one of `labels` labels, at random.
Batch asking_for_labels(std::int64_t size, std::int64_t labels) {
  Batch batch;
  batch.size = size;
  batch.answer = test::random_labels(size, labels, 5);
  return batch;
}

Batch asking_for_numbers(std::int64_t size, std::int64_t numbers) {
  Batch batch;
  batch.size = size;
  batch.value = test::normal_tensor({size, numbers}, 6);
  return batch;
}

double loss_of(std::vector<Real> z, Label y) {
  Batch batch = asking_for_labels(1, 2);
  batch.answer[0] = y;
  return Loss({LossKind::cross_entropy, static_cast<std::int64_t>(z.size())})
      .sums(batch, {z.data(), 1, std::ssize(z)})
      .loss;
}

// By the textbook, in long double.
TEST(Loss, CrossEntropyIsMinusTheLogOfTheSoftmax) {
  constexpr std::int64_t batch_size = 61;
  for (const std::int64_t labels : {2, 3, 32, 1000}) {
    const Batch batch = asking_for_labels(batch_size, labels);
    const Tensor z = test::normal_tensor({batch_size, labels}, 3, 4);
    const Loss loss({LossKind::cross_entropy, labels});
    Tensor dz({batch_size, labels});
    loss.gradient(batch, z, dz);
    long double sum = 0;
    std::int64_t correct = 0;
    for (std::int64_t b = 0; b < batch_size; ++b) {
      const std::int64_t y = batch.answer[b] - 1;
      long double total = 0;
      for (std::int64_t c = 0; c < labels; ++c) total += std::exp(wide(z.row(b)[c]));
      sum += std::log(total) - wide(z.row(b)[y]);
      const Real* const row = z.row(b);
      correct += std::max_element(row, row + labels) == row + y ? 1 : 0;
      const auto p = static_cast<double>(std::exp(wide(row[y])) / total);
      EXPECT_NEAR(loss.margin(batch, b, z), std::log(p / (1 - p)), 1e-9 / (1 - p)) << b;
      for (std::int64_t c = 0; c < labels; ++c) {
        const auto expected =
            static_cast<double>(std::exp(wide(row[c])) / total - (c == y ? 1 : 0));
        const double bound = 2 * test::unit_roundoff + 1e-14;
        EXPECT_NEAR(dz.row(b)[c] * batch_size, expected, bound * std::abs(expected) + 1e-15) << c;
      }
    }
    const LossSums sums = loss.sums(batch, z);
    EXPECT_NEAR(sums.loss, static_cast<double>(sum), 1e-13 * sums.loss);
    EXPECT_EQ(sums.correct, correct);
  }
}

// z_2 - z_1 is the logit of the label +1.
TEST(Loss, CrossEntropyOfTwoLabelsIsTheLogisticLoss) {
  constexpr std::int64_t size = 50;
  const Batch two = asking_for_labels(size, 2);
  const Tensor z = test::normal_tensor({size, 2}, 4, 3);
  Batch signs;
  signs.size = size;
  signs.answer = BasicTensor<Label>({size});
  Tensor difference({size});
  for (std::int64_t b = 0; b < size; ++b) {
    signs.answer[b] = 2 * two.answer[b] - 3;
    difference[b] = z.row(b)[1] - z.row(b)[0];
  }
  const Loss cross({LossKind::cross_entropy, 2});
  const Loss logistic({LossKind::logistic, 1});
  const LossSums a = cross.sums(two, z);
  const LossSums b = logistic.sums(signs, difference);
  EXPECT_NEAR(a.loss, b.loss, 4 * test::unit_roundoff * size);
  EXPECT_EQ(a.correct, b.correct);
  for (std::int64_t i = 0; i < size; ++i) {
    const double margin = logistic.margin(signs, i, difference);
    EXPECT_NEAR(cross.margin(two, i, z), margin, 1e-6 * (1 + std::abs(margin)));
  }
}

TEST(Loss, OneLogitIsTheLogisticLossToTheBit) {
  constexpr std::int64_t size = 37;
  Batch batch;
  batch.size = size;
  batch.answer = test::random_answers(size, 2);
  const Tensor z = test::normal_tensor({size}, 1, 3);
  const Loss loss({});
  EXPECT_EQ(loss.outputs(), 1);
  const LossSums sums = logistic_loss(z.values(), batch.answer.values());
  EXPECT_EQ(loss.sums(batch, z).loss, sums.loss);
  EXPECT_EQ(loss.sums(batch, z).correct, sums.correct);
  Tensor a({size}), b({size});
  loss.gradient(batch, z, a);
  logistic_loss_gradient(z.values(), batch.answer.values(), b.values());
  EXPECT_TRUE(std::ranges::equal(a.values(), b.values()));
}

TEST(Loss, CrossEntropyNeitherOverflowsNorLosesWhatIsSmall) {
  EXPECT_EQ(loss_of({800, 0, 0}, 1), 0);
  EXPECT_EQ(loss_of({0, 800, 0}, 1), 800);
  EXPECT_NEAR(loss_of({0, 800, 800}, 2), std::log(2.0), 1e-15);
  const Real huge = 3e38F;
  EXPECT_EQ(loss_of({-huge, huge}, 2), 0);
  // -ln(1 / (1 + 2 e^-40)): 1 - p would be 0.
  EXPECT_NEAR(loss_of({40, 0, 0}, 1), 2 * std::exp(-40.0), 1e-30);
  EXPECT_EQ(loss_of({Real(infinity), 0}, 1), 0);
  EXPECT_EQ(loss_of({Real(infinity), 0}, 2), infinity);
}

TEST(Loss, ATieAndWhatIsNoNumberAreWrong) {
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  Batch batch = asking_for_labels(4, 3);
  std::ranges::fill(batch.answer.values(), 1);
  const std::vector<Real> z{1, 1, 0, nan, 0, 0, 2, nan, 0, 2, 1, 0};
  const LossSums sums = Loss({LossKind::cross_entropy, 3}).sums(batch, {z.data(), 4, 3});
  EXPECT_EQ(sums.correct, 1);
  EXPECT_TRUE(std::isnan(sums.loss));
}

TEST(Loss, SquaredErrorIsTheMeanOverOutputs) {
  constexpr std::int64_t size = 23;
  for (const std::int64_t numbers : {1, 4}) {
    const Batch batch = asking_for_numbers(size, numbers);
    const Tensor z = test::normal_tensor({size, numbers}, 7, 2);
    const Loss loss({LossKind::squared, numbers});
    long double sum = 0;
    for (std::int64_t i = 0; i < size * numbers; ++i) {
      const long double error = wide(z[i]) - wide(batch.value[i]);
      sum += error * error / numbers;
    }
    EXPECT_NEAR(loss.sums(batch, z).loss, static_cast<double>(sum),
                1e-13 * static_cast<double>(sum));
    EXPECT_FALSE(loss.judges());
    EXPECT_EQ(loss.sums(batch, z).correct, 0);
    EXPECT_TRUE(std::isnan(loss.margin(batch, 0, z)));
  }
}

TEST(Loss, LooksAtWhatItIsGiven) {
  const auto expect_misfit = [](const std::string& message, const auto& action) {
    EXPECT_EQ(test::message_of(ExitCode::internal, action), message);
  };
  const Batch labels = asking_for_labels(4, 3);
  const Loss loss({LossKind::cross_entropy, 3});
  const Tensor z({4, 3}), narrow({4, 2}), few({3, 3});
  Tensor dz({4, 3}), narrow_dz({4, 1});
  expect_misfit("the loss needs outputs [4, 3] and was given [4, 2]",
                [&] { (void)loss.sums(labels, narrow); });
  expect_misfit("the loss needs outputs [4, 3] and was given [3, 3]",
                [&] { (void)loss.margin(labels, 0, few); });
  expect_misfit("the loss needs outputs [4, 3] and was given [0, 0]",
                [&] { loss.gradient(labels, {}, dz); });
  expect_misfit("the loss needs gradients [4, 3] and was given [4, 1]",
                [&] { loss.gradient(labels, z, narrow_dz); });
  const Batch numbers = asking_for_numbers(4, 3);
  expect_misfit("the loss needs answers [4, 1] and was given [0, 1]",
                [&] { (void)loss.sums(numbers, z); });
  expect_misfit("the loss needs answers [4, 1] and was given [0, 1]", [&] {
    (void)Loss({}).sums(numbers, Tensor({4, 1}));
  });
  const Loss squared({LossKind::squared, 2});
  expect_misfit("the loss needs numbers asked for [4, 2] and was given [4, 3]",
                [&] { squared.gradient(numbers, narrow, dz); });
  expect_misfit("the loss needs numbers asked for [4, 2] and was given [0, 1]",
                [&] { (void)squared.sums(labels, narrow); });
  EXPECT_TRUE(std::ranges::all_of(dz.values(), [](Real d) { return d == 0; }));
  (void)loss.sums(labels, Tensor({5, 3}));  // room for a sequence more
}

#ifdef ICL_REAL_DOUBLE

testing::AssertionResult check(const Loss& loss, const Batch& batch, double planted) {
  Tensor z = test::normal_tensor({batch.size, loss.outputs()}, 8, 3);
  Tensor dz({batch.size, loss.outputs()}), mean({1}), dmean({1});
  test::GradientCheck check(9);
  check.variable("z", z.values(), dz.values());
  check.output(mean.values(), dmean.values());
  return check.run([&] { mean[0] = loss.sums(batch, z).loss / static_cast<double>(batch.size); },
                   [&] {
                     loss.gradient(batch, z, dz);
                     for (Real& d : dz.values()) d *= dmean[0];
                     dz[3] += planted * dmean[0];
                   });
}

TEST(Loss, GradientsAreTheDerivativesOfTheMeanLossAndAWrongOneIsRefused) {
  for (const std::int64_t count : {2, 5, 32}) {
    const Batch labels = asking_for_labels(19, count);
    EXPECT_TRUE(check(Loss({LossKind::cross_entropy, count}), labels, 0)) << count;
    EXPECT_FALSE(check(Loss({LossKind::cross_entropy, count}), labels, 1e-5)) << count;
    const Batch numbers = asking_for_numbers(19, count);
    EXPECT_TRUE(check(Loss({LossKind::squared, count}), numbers, 0)) << count;
    EXPECT_FALSE(check(Loss({LossKind::squared, count}), numbers, 1e-5)) << count;
  }
}

#endif

}  // namespace
}  // namespace icl::nn
