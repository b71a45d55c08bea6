#include "icl/train/optimizer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <tuple>
#include <utility>

namespace icl::train {
namespace {

config::Train settings() {
  config::Train train;
  train.learning_rate = 0.125;
  train.weight_decay_attention = 0.5;
  train.weight_decay_mlp = 2.0;
  return train;
}

/// A 2 x 3 parameter with values 1, 2, ... 6.
nn::Parameter make_parameter(nn::Group group) {
  nn::Parameter parameter{"w", {"out", "in"}, group, Tensor({2, 3}), {}};
  for (std::int64_t i = 0; i < 6; ++i) parameter.value[i] = static_cast<Real>(i + 1);
  return parameter;
}

TEST(Optimizers, RememberWhatTheirRowsSay) {
  nn::Parameter parameter = make_parameter(nn::Group::mlp);
  const std::array<nn::Parameter*, 1> all{&parameter};
  for (std::size_t i = 0; i < words(config::Optimizer{}).size(); ++i) {
    config::Train train = settings();
    train.optimizer = static_cast<config::Optimizer>(i);
    SCOPED_TRACE(config::word(train.optimizer));
    const auto names = moment_names(train.optimizer);
    EXPECT_EQ(config::traits_of(train.optimizer).remembers, !names.empty());
    EXPECT_EQ(title_of(train.optimizer).empty(), names.empty());
    const Moments moments = make_optimizer(train, all)->moments();
    ASSERT_EQ(moments.tensors.size(), names.size());
    for (std::size_t k = 0; k < names.size(); ++k) {
      EXPECT_EQ(moments.tensors[k].name, names[k]);
      EXPECT_EQ(moments.tensors[k].values.front().size(), 6U);
    }
  }
}

/// The group of the parameter and the factor on its rate.
class SgdTest : public testing::TestWithParam<std::tuple<nn::Group, double>> {
 protected:
  SgdTest() : parameter_(make_parameter(std::get<0>(GetParam()))) {
    const std::array<nn::Parameter*, 1> all{&parameter_};
    optimizer_ = make_optimizer(settings(), all);
    optimizer_->prepare(std::array{std::get<1>(GetParam())});
  }

  /// w - lr (g + lambda w), exact here: all numbers are small multiples of powers of two.
  [[nodiscard]] double expected(std::int64_t i, double g) const {
    const double w = static_cast<double>(i + 1);
    const auto& [group, factor] = GetParam();
    const double lambda = group == nn::Group::attention ? settings().weight_decay_attention
                                                        : settings().weight_decay_mlp;
    return w - settings().learning_rate * factor * (g + lambda * w);
  }

  nn::Parameter parameter_;
  std::unique_ptr<Optimizer> optimizer_;
};

TEST_P(SgdTest, StepsByAGradient) {
  const std::array<Real, 6> g{-8, 4, 0, 1, 2, -16};
  parameter_.take(g.data(), 0, 6);
  optimizer_->finish(Workers(1));
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(parameter_.value[i], expected(i, g[static_cast<std::size_t>(i)])) << i;
  }
}

TEST_P(SgdTest, StepsByAProduct) {
  const std::array<Real, 4> a{1, 2, -1, 4};        // [2, 2]
  const std::array<Real, 6> b{3, 0, -2, 1, 8, 5};  // [2, 3]
  parameter_.take_product(0, 2, 2, {a.data(), 2}, {b.data(), 3}, Workers(1));
  optimizer_->finish(Workers(1));
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      const double g = a[2 * row] * b[column] + a[2 * row + 1] * b[3 + column];
      const auto i = static_cast<std::int64_t>(3 * row + column);
      EXPECT_EQ(parameter_.value[i], expected(i, g)) << i;
    }
  }
}

// In double from the same numbers, all of them exact: only the root and the sum are rounded.
TEST_P(SgdTest, KnowsTheNormOfTheStepBeforeItIsMade) {
  const std::array<Real, 6> g{-8, 4, 0, 1, 2, -16};
  double squares = 0;
  for (std::int64_t i = 0; i < 6; ++i) {
    const double step =
        expected(i, g[static_cast<std::size_t>(i)]) - static_cast<double>(parameter_.value[i]);
    squares += step * step;
  }
  EXPECT_NEAR(optimizer_->update_norm(0, g, std::get<1>(GetParam())), std::sqrt(squares),
              1e-15 * std::sqrt(squares));
}

INSTANTIATE_TEST_SUITE_P(GroupsAndFactors, SgdTest,
                         testing::Combine(testing::Values(nn::Group::attention, nn::Group::mlp),
                                          testing::Values(1.0, 0.5, 4.0, 0.0)));

TEST(Sgd, PreparesEveryParameterWithItsOwnFactor) {
  nn::Parameter first = make_parameter(nn::Group::attention);
  nn::Parameter second = make_parameter(nn::Group::mlp);
  const std::array<nn::Parameter*, 2> all{&first, &second};
  const auto optimizer = make_optimizer(settings(), all);
  optimizer->prepare(std::array{1.0, 0.25});
  for (const nn::Parameter* p : all) {
    EXPECT_EQ(p->sink.target, p->value.data());
    EXPECT_TRUE(p->sink.accumulate);
  }
  EXPECT_EQ(first.sink.rate, -0.125);
  EXPECT_EQ(second.sink.rate, -0.03125);
}

TEST(Sgd, RemembersNothing) {
  nn::Parameter parameter = make_parameter(nn::Group::mlp);
  const std::array<nn::Parameter*, 1> all{&parameter};
  const auto optimizer = make_optimizer(settings(), all);
  optimizer->restore(
      {3, {{"adam_mean", {{1, 2, 3, 4, 5, 6}}}, {"adam_square", {{1, 2, 3, 4, 5, 6}}}}});
  EXPECT_EQ(optimizer->moments(), Moments{});
}

// The published 1e-10 is far below the resolution of float: 1 - lr lambda must not be rounded to 1
// for larger ones, nor must a tiny one disturb the weights.
TEST(Sgd, DecaysWithoutAGradient) {
  for (const auto& [lambda, expected] : {std::pair{1e-10, 1.0}, std::pair{1e-3, 1 - 1.25e-4}}) {
    nn::Parameter parameter = make_parameter(nn::Group::mlp);
    const std::array<nn::Parameter*, 1> all{&parameter};
    config::Train decay = settings();
    decay.weight_decay_mlp = lambda;
    make_optimizer(decay, all)->prepare(std::array{1.0});
    const std::array<Real, 6> zero{};
    parameter.take(zero.data(), 0, 6);
    EXPECT_NEAR(parameter.value[0], expected, std::numeric_limits<Real>::epsilon());
  }
}

// |g| = 13 over both parameters that learn; the frozen one's gradient does not count.
TEST(Clipping, ShortensAllGradientsByOneFactor) {
  for (const auto rule : {config::Optimizer::sgd, config::Optimizer::adam}) {
    nn::Parameter first = make_parameter(nn::Group::attention);
    nn::Parameter second = make_parameter(nn::Group::mlp);
    nn::Parameter frozen = make_parameter(nn::Group::mlp);
    const std::array<nn::Parameter*, 3> all{&first, &second, &frozen};
    config::Train clipped;
    clipped.optimizer = rule;
    clipped.learning_rate = 1;
    clipped.adam_beta1 = clipped.adam_beta2 = 0;
    clipped.adam_epsilon = 1e6;  // so that the update is the gradient, over a million
    clipped.clip_norm = 6.5;
    const auto optimizer = make_optimizer(clipped, all);
    optimizer->prepare(std::array{1.0, 1.0, 0.0});
    first.take(std::array<Real, 6>{3, 4, 0, 0, 0, 0}.data(), 0, 6);
    second.take(std::array<Real, 6>{0, 0, 12, 0, 0, 0}.data(), 0, 6);
    frozen.take(std::array<Real, 6>{1000, 0, 0, 0, 0, 0}.data(), 0, 6);
    optimizer->finish(Workers(1));
    const double size = rule == config::Optimizer::sgd ? 1 : 1e-6;
    EXPECT_NEAR(first.value[0], 1 - 1.5 * size, 1e-6);
    EXPECT_NEAR(first.value[1], 2 - 2.0 * size, 1e-6);
    EXPECT_NEAR(second.value[2], 3 - 6.0 * size, 2e-6);
    EXPECT_EQ(frozen.value[0], 1);
  }
}

TEST(Clipping, LeavesShorterGradientsAsTheyAre) {
  config::Train clipped;
  EXPECT_EQ(clip_factor(clipped, 1e12), 1);
  clipped.clip_norm = 13.1;
  EXPECT_EQ(clip_factor(clipped, 169), 1);
  clipped.clip_norm = 1.3;
  EXPECT_NEAR(clip_factor(clipped, 169), 0.1, 1e-7);
}

}  // namespace
}  // namespace icl::train
