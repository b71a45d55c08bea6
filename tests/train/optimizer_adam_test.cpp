#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "icl/train/optimizer.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"

namespace icl::train {
namespace {

using test::unit_roundoff;

constexpr std::int64_t size = 10'000;  // several tiles

config::Train settings() {
  config::Train train;
  train.optimizer = config::Optimizer::adam;
  train.learning_rate = 0.01;
  train.weight_decay_attention = 0.125;
  train.weight_decay_mlp = 0.0;
  return train;
}

/// Two parameters of `size` random values and an Adam of them.
struct Bench {
  explicit Bench(const config::Train& train = settings()) {
    for (const nn::Group group : {nn::Group::attention, nn::Group::mlp}) {
      parameters.push_back({"p", {"element"}, group, Tensor({size}), {}});
      test::fill_normal(parameters.back().value.values(), parameters.size());
    }
    const std::array<nn::Parameter*, 2> all{parameters.data(), parameters.data() + 1};
    optimizer = make_optimizer(train, all);
  }

  /// A step with the gradients of that number.
  void step(std::uint64_t number, std::array<double, 2> factors = {1, 1}, int threads = 1) {
    optimizer->prepare(factors);
    for (std::uint64_t i = 0; i < 2; ++i) {
      const Tensor g = gradient(number, i);
      parameters[i].take(g.data(), 0, size);
    }
    optimizer->finish(Workers(threads));
  }

  /// Of sizes over six orders of magnitude, as real ones are.
  static Tensor gradient(std::uint64_t number, std::uint64_t parameter) {
    Tensor g = test::normal_tensor({size}, 100 + 2 * number + parameter);
    for (std::int64_t k = 0; k < size; ++k) {
      g[k] *= static_cast<Real>(std::pow(10.0, -static_cast<double>(k % 7)));
    }
    return g;
  }

  [[nodiscard]] std::vector<Tensor> values() const {
    return test::tensors(parameters[0].value.clone(), parameters[1].value.clone());
  }

  std::vector<nn::Parameter> parameters;
  std::unique_ptr<Optimizer> optimizer;
};

/// One number under torch.optim.Adam(weight_decay=...) in double, with bounds of what the library,
/// in Real, may err by: each operation and each rounded coefficient by unit_roundoff, errors of
/// what it works on carried along to first order.
class Reference {
 public:
  Reference(const config::Train& train, double decay, double w)
      : train_(train), decay_(decay), w_(w) {}

  void step(double gradient) {
    ++t_;
    const double u = unit_roundoff;
    const double b1 = train_.adam_beta1;
    const double b2 = train_.adam_beta2;
    const double g = gradient + decay_ * w_;
    const double g_error = u * (std::abs(g) + std::abs(decay_ * w_)) + decay_ * w_error_;
    // m: b1, 1 - b1, their product with g, and the sum.
    const double m = b1 * m_ + (1 - b1) * g;
    m_error_ = b1 * m_error_ + (1 - b1) * g_error +
               u * (b1 * std::abs(m_) + 2 * (1 - b1) * std::abs(g) + std::abs(m));
    m_ = m;
    // v: the same, and one product more.
    const double v = b2 * v_ + (1 - b2) * g * g;
    v_error_ = b2 * v_error_ + 2 * (1 - b2) * std::abs(g) * g_error +
               u * (b2 * v_ + 3 * (1 - b2) * g * g + v);
    v_ = v;
    const double step_size = train_.learning_rate / (1 - std::pow(b1, t_));
    const double denominator =
        std::sqrt(v_) / std::sqrt(1 - std::pow(b2, t_)) + train_.adam_epsilon;
    const double change = step_size * m_ / denominator;
    // Roundings of rate, root, epsilon, two products, root, sum and quotient: 8.
    const double change_error =
        step_size * m_error_ / denominator + std::abs(change) * (v_error_ / (2 * v_) + 8 * u);
    w_ -= change;
    w_error_ += change_error + u * std::abs(w_);
  }

  [[nodiscard]] double w() const { return w_; }
  [[nodiscard]] double m() const { return m_; }
  [[nodiscard]] double v() const { return v_; }
  /// With a tenth for what is of second order.
  [[nodiscard]] double w_tolerance() const { return 1.1 * w_error_; }
  [[nodiscard]] double m_tolerance() const { return 1.1 * m_error_; }
  [[nodiscard]] double v_tolerance() const { return 1.1 * v_error_; }

 private:
  const config::Train& train_;
  double decay_;
  double w_, w_error_ = 0;
  double m_ = 0, m_error_ = 0;
  double v_ = 0, v_error_ = 0;
  int t_ = 0;
};

void expect_torch(const config::Train& train) {
  Bench bench(train);
  std::vector<std::vector<Reference>> expected(2);
  for (std::size_t i = 0; i < 2; ++i) {
    const double decay = i == 0 ? train.weight_decay_attention : train.weight_decay_mlp;
    for (const Real w : bench.parameters[i].value.values()) {
      expected[i].emplace_back(train, decay, w);
    }
  }
  for (std::uint64_t number = 0; number < 6; ++number) {
    bench.step(number);
    const Moments moments = bench.optimizer->moments();
    EXPECT_EQ(moments.updates, static_cast<std::int64_t>(number) + 1);
    for (std::size_t i = 0; i < 2; ++i) {
      const Tensor g = Bench::gradient(number, i);
      std::int64_t wrong = 0;
      for (std::int64_t k = 0; k < size; ++k) {
        const auto at = static_cast<std::size_t>(k);
        Reference& one = expected[i][at];
        one.step(g[k]);
        const bool right =
            std::abs(bench.parameters[i].value[k] - one.w()) <= one.w_tolerance() &&
            std::abs(moments.tensors[0].values[i][at] - one.m()) <= one.m_tolerance() &&
            std::abs(moments.tensors[1].values[i][at] - one.v()) <= one.v_tolerance();
        if (!right && wrong++ == 0) {
          ADD_FAILURE() << "element " << k << " of " << i << " after step " << number << ": "
                        << bench.parameters[i].value[k] << ", not " << one.w() << " +- "
                        << one.w_tolerance() << "; m " << moments.tensors[0].values[i][at]
                        << ", not " << one.m() << "; v " << moments.tensors[1].values[i][at]
                        << ", not " << one.v();
        }
      }
      EXPECT_EQ(wrong, 0);
    }
  }
}

TEST(Adam, IsThatOfTorch) { expect_torch(settings()); }

// 1 - beta2 must not be taken in float, where 0.9999999 is 1 - 1.2e-7 and 0.99999999 is 1.
TEST(Adam, IsThatOfTorchForAnyBeta) {
  for (const auto& [beta1, beta2] :
       {std::pair{0.0, 0.0}, {0.5, 0.99}, {0.99, 0.9999999}, {0.9, 0.99999999}}) {
    SCOPED_TRACE(beta2);
    config::Train train = settings();
    train.adam_beta1 = beta1;
    train.adam_beta2 = beta2;
    train.adam_epsilon = 1e-4;
    expect_torch(train);
  }
}

TEST(Adam, LearnsAtARateTimesTheFactor) {
  config::Train half = settings();
  half.learning_rate /= 2;
  Bench slow(half);
  Bench fast;
  for (std::uint64_t number = 0; number < 3; ++number) {
    slow.step(number);
    fast.step(number, {0.5, 0.5});
  }
  EXPECT_TRUE(test::same_bits(slow.values(), fast.values()));
}

TEST(Adam, LeavesWhatHasFactorZeroAsItIs) {
  Bench bench;
  bench.step(0);
  const auto before = bench.values();
  const Moments moments = bench.optimizer->moments();
  bench.step(1, {1, 0});
  bench.step(2, {1, 0});
  EXPECT_TRUE(test::same_bits(before[1], bench.parameters[1].value));
  EXPECT_FALSE(test::same_bits(before[0], bench.parameters[0].value));
  EXPECT_EQ(bench.optimizer->moments().tensors[0].values[1], moments.tensors[0].values[1]);
  EXPECT_EQ(bench.optimizer->moments().tensors[1].values[1], moments.tensors[1].values[1]);
  EXPECT_NE(bench.optimizer->moments().tensors[0].values[0], moments.tensors[0].values[0]);
  EXPECT_EQ(bench.optimizer->moments().updates, 3);
}

TEST(Adam, GoesOnFromMomentsWithTheSameBits) {
  Bench whole;
  Bench first;
  for (std::uint64_t number = 0; number < 5; ++number) {
    whole.step(number);
    if (number < 2) first.step(number);
  }
  Bench second;
  for (std::size_t i = 0; i < 2; ++i)
    second.parameters[i].value = first.parameters[i].value.clone();
  second.step(7);  // to be forgotten
  for (std::size_t i = 0; i < 2; ++i)
    second.parameters[i].value = first.parameters[i].value.clone();
  second.optimizer->restore(first.optimizer->moments());
  EXPECT_EQ(second.optimizer->moments(), first.optimizer->moments());
  for (std::uint64_t number = 2; number < 5; ++number) second.step(number);
  EXPECT_TRUE(test::same_bits(second.values(), whole.values()));
  EXPECT_EQ(second.optimizer->moments(), whole.optimizer->moments());
}

TEST(Adam, BeginsAnewFromTheMomentsOfAnotherOptimiser) {
  Bench bench;
  const Moments fresh = bench.optimizer->moments();
  EXPECT_EQ(fresh.updates, 0);
  EXPECT_EQ(fresh.tensors[0].values.size(), 2U);
  EXPECT_EQ(fresh.tensors[0].values[0], std::vector<Real>(size));
  bench.step(0);
  EXPECT_NE(bench.optimizer->moments(), fresh);
  bench.optimizer->restore({});
  EXPECT_EQ(bench.optimizer->moments(), fresh);
}

// The change of w is the step but for the rounding of w, at most an ulp of each.
TEST(Adam, KnowsTheNormOfTheStepBeforeItIsMade) {
  Bench bench;
  for (std::uint64_t number = 0; number < 3; ++number) {
    const std::array<double, 2> factors{1, number == 1 ? 0.25 : 0.0};
    std::array<double, 2> predicted{};
    for (std::size_t i = 0; i < 2; ++i) {
      const Tensor g = Bench::gradient(number, i);
      predicted.at(i) = bench.optimizer->update_norm(i, g.values(), factors.at(i));
    }
    const auto before = bench.values();
    const Moments moments = bench.optimizer->moments();
    bench.step(number, factors);
    for (std::size_t i = 0; i < 2; ++i) {
      double squares = 0;
      double roundings = 0;
      for (std::int64_t k = 0; k < size; ++k) {
        const double w = bench.parameters[i].value[k];
        squares += (w - before[i][k]) * (w - before[i][k]);
        roundings += unit_roundoff * unit_roundoff * w * w;
      }
      EXPECT_NEAR(predicted.at(i), std::sqrt(squares), std::sqrt(roundings) + 1e-12);
      EXPECT_EQ(predicted.at(i) == 0, factors.at(i) == 0);
    }
    EXPECT_NE(bench.optimizer->moments(), moments);
  }
}

TEST(Adam, HasTheSameBitsForAnyNumberOfWorkers) {
  Bench one;
  for (std::uint64_t number = 0; number < 3; ++number) one.step(number);
  for (const int threads : test::worker_counts) {
    Bench other;
    for (std::uint64_t number = 0; number < 3; ++number) other.step(number, {1, 1}, threads);
    EXPECT_TRUE(test::same_bits(one.values(), other.values())) << threads << " workers";
    EXPECT_EQ(one.optimizer->moments(), other.optimizer->moments()) << threads << " workers";
  }
}

}  // namespace
}  // namespace icl::train
