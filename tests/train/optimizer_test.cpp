#include "icl/train/optimizer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

namespace icl::train {
namespace {

constexpr config::Train settings{
    .learning_rate = 0.125, .weight_decay_attention = 0.5, .weight_decay_mlp = 2.0};

/// A 2 x 3 parameter with values 1, 2, ... 6.
nn::Parameter make_parameter(nn::Group group) {
  nn::Parameter parameter{"w", {"out", "in"}, group, Tensor({2, 3}), {}};
  for (std::int64_t i = 0; i < 6; ++i) parameter.value[i] = static_cast<Real>(i + 1);
  return parameter;
}

class SgdTest : public testing::TestWithParam<nn::Group> {
 protected:
  SgdTest() : parameter_(make_parameter(GetParam())) {
    const std::array<nn::Parameter*, 1> all{&parameter_};
    Sgd(settings).prepare(all);
  }

  /// w - lr (g + lambda w), exact here: all numbers are small multiples of powers of two.
  [[nodiscard]] double expected(std::int64_t i, double g) const {
    const double w = static_cast<double>(i + 1);
    const double lambda = GetParam() == nn::Group::attention ? settings.weight_decay_attention
                                                             : settings.weight_decay_mlp;
    return w - settings.learning_rate * (g + lambda * w);
  }

  nn::Parameter parameter_;
};

TEST_P(SgdTest, StepsByAGradient) {
  const std::array<Real, 6> g{-8, 4, 0, 1, 2, -16};
  parameter_.take(g.data(), 0, 6);
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(parameter_.value[i], expected(i, g[static_cast<std::size_t>(i)])) << i;
  }
}

TEST_P(SgdTest, StepsByAProduct) {
  const std::array<Real, 4> a{1, 2, -1, 4};        // [2, 2]
  const std::array<Real, 6> b{3, 0, -2, 1, 8, 5};  // [2, 3]
  parameter_.take_product(0, 2, 2, {a.data(), 2}, {b.data(), 3}, Workers(1));
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      const double g = a[2 * row] * b[column] + a[2 * row + 1] * b[3 + column];
      const auto i = static_cast<std::int64_t>(3 * row + column);
      EXPECT_EQ(parameter_.value[i], expected(i, g)) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, SgdTest, testing::Values(nn::Group::attention, nn::Group::mlp));

TEST(Sgd, PreparesEveryParameter) {
  nn::Parameter first = make_parameter(nn::Group::attention);
  nn::Parameter second = make_parameter(nn::Group::mlp);
  const std::array<nn::Parameter*, 2> all{&first, &second};
  Sgd(settings).prepare(all);
  for (const nn::Parameter* p : all) {
    EXPECT_EQ(p->sink.target, p->value.data());
    EXPECT_TRUE(p->sink.accumulate);
  }
}

// The published 1e-10 is far below the resolution of float: 1 - lr lambda must not be rounded to 1
// for larger ones, nor must a tiny one disturb the weights.
TEST(Sgd, DecaysWithoutAGradient) {
  for (const auto& [lambda, expected] : {std::pair{1e-10, 1.0}, std::pair{1e-3, 1 - 1.25e-4}}) {
    nn::Parameter parameter = make_parameter(nn::Group::mlp);
    const std::array<nn::Parameter*, 1> all{&parameter};
    config::Train decay = settings;
    decay.weight_decay_mlp = lambda;
    Sgd(decay).prepare(all);
    const std::array<Real, 6> zero{};
    parameter.take(zero.data(), 0, 6);
    EXPECT_NEAR(parameter.value[0], expected, std::numeric_limits<Real>::epsilon());
  }
}

}  // namespace
}  // namespace icl::train
