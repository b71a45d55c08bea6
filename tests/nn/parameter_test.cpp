#include "icl/nn/parameter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/blas.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

using test::normal_tensor;

constexpr std::int64_t rows = 9;
constexpr std::int64_t columns = 7;
constexpr std::int64_t terms = 5;
constexpr Real epsilon = std::numeric_limits<Real>::epsilon();

Parameter make_parameter() {
  Parameter p{"p", {"row", "column"}, Group::mlp, normal_tensor({rows, columns}, 1), {}};
  return p;
}

/// a^T b, the gradient of `make_parameter()` in the tests below, and the sum of its terms'
/// magnitudes.
struct Product {
  Tensor a = normal_tensor({terms, rows}, 2), b = normal_tensor({terms, columns}, 3);

  struct Entry {
    double value = 0, magnitude = 0;
  };
  [[nodiscard]] Entry entry(std::int64_t row, std::int64_t column) const {
    Entry e;
    for (std::int64_t k = 0; k < terms; ++k) {
      const double term = static_cast<double>(a.row(k)[row]) * b.row(k)[column];
      e.value += term;
      e.magnitude += std::abs(term);
    }
    return e;
  }
  void give_to(Parameter& p, std::int64_t first = 0, std::int64_t count = rows) const {
    p.take_product(first, count, terms, {a.data() + first, rows, Op::transpose},
                   {b.data(), columns}, Workers(1));
  }
};

TEST(Parameter, SinkStoresThePlainGradient) {
  Parameter p = make_parameter();
  const Tensor before = p.value.clone();
  Tensor gradient;
  test::set_gradient(p, gradient);
  std::ranges::fill(gradient.values(), std::numeric_limits<Real>::quiet_NaN());  // written only

  const Tensor g = normal_tensor({rows * columns}, 4);
  p.take(g.data(), 0, g.size());
  EXPECT_TRUE(test::same_bits(gradient, g));

  std::ranges::fill(gradient.values(), std::numeric_limits<Real>::quiet_NaN());
  const Product product;
  product.give_to(p);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto [value, magnitude] = product.entry(r, c);
      EXPECT_NEAR(gradient.row(r)[c], value, test::sum_tolerance(terms, magnitude));
    }
  }
  EXPECT_TRUE(test::same_bits(p.value, before));
}

TEST(Parameter, SinkScalesWithoutAccumulating) {
  Parameter p = make_parameter();
  Tensor gradient;
  test::set_gradient(p, gradient);
  p.sink.rate = -2;
  p.sink.decay = 1;  // of no effect
  std::ranges::fill(gradient.values(), Real{5});
  const Tensor g = normal_tensor({rows * columns}, 4);
  p.take(g.data(), 0, g.size());
  for (std::int64_t i = 0; i < g.size(); ++i) EXPECT_EQ(gradient[i], -2 * g[i]);
  const Product product;
  product.give_to(p);
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto [value, magnitude] = product.entry(i, 3);
    EXPECT_NEAR(gradient.row(i)[3], -2 * value, test::sum_tolerance(terms, 2 * magnitude));
  }
}

TEST(Parameter, SinkMakesTheStepForVectors) {
  constexpr double rate = 0.01;
  for (const double decay : {0.0, 0.3}) {
    Parameter p = make_parameter();
    const Tensor before = p.value.clone();
    const Tensor g = normal_tensor({p.value.size()}, 4);
    test::set_step(p, rate, decay);
    p.take(g.data(), 0, 10);  // in two parts
    p.take(g.data() + 10, 10, g.size() - 10);
    for (std::int64_t i = 0; i < g.size(); ++i) {
      const auto step = test::exact_step(before[i], rate, decay, 1, g[i], std::abs(double{g[i]}));
      EXPECT_NEAR(p.value[i], step.value, step.tolerance);
    }
  }
}

TEST(Parameter, SinkMakesTheStepForMatrices) {
  constexpr double rate = 0.01;
  const Product product;
  for (const double decay : {0.0, 0.3}) {
    Parameter p = make_parameter();
    const Tensor before = p.value.clone();
    test::set_step(p, rate, decay);
    product.give_to(p, 0, 4);  // in two parts
    product.give_to(p, 4, rows - 4);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const auto [value, magnitude] = product.entry(r, c);
        const auto step = test::exact_step(before.row(r)[c], rate, decay, terms, value, magnitude);
        EXPECT_NEAR(p.value.row(r)[c], step.value, step.tolerance);
      }
    }
  }
}

TEST(Parameter, SinkLeavesOtherElementsAlone) {
  Parameter p = make_parameter();
  const Tensor before = p.value.clone();
  test::set_step(p, 0.1, 0.3);
  const Product product;
  product.give_to(p, 2, 3);
  const Tensor g = normal_tensor({6}, 4);
  p.take(g.data(), 50, 6);
  for (std::int64_t i = 0; i < before.size(); ++i) {
    const bool touched = (i >= 2 * columns && i < 5 * columns) || (i >= 50 && i < 56);
    EXPECT_EQ(p.value[i] == before[i], !touched) << i;
  }
}

/// The weights 1 - ulp, 1, 1 + ulp, ... at which a small decay is most and least likely to round
/// away, at several exponents and both signs.
Parameter make_edge_weights() {
  std::vector<Real> values;
  for (const Real scale : {Real(1), Real(0x1p-20), Real(0x1p20)}) {
    for (const Real x : {Real(1) - epsilon / 2, Real(1), Real(1) + epsilon, Real(1.25), Real(1.5),
                         Real(1.999), Real(2) - epsilon}) {
      values.push_back(scale * x);
      values.push_back(-scale * x);
    }
  }
  Parameter p{"p", {"i"}, Group::mlp, Tensor({static_cast<std::int64_t>(values.size())}), {}};
  std::ranges::copy(values, p.value.data());
  return p;
}

/// The weights after a step with gradient zero.
Tensor decayed(Real decay) {
  Parameter p = make_edge_weights();
  p.sink = {.target = p.value.data(), .rate = Real(-0.01), .decay = decay, .accumulate = true};
  const Tensor zero(p.value.shape());
  p.take(zero.data(), 0, zero.size());
  return std::move(p.value);
}

TEST(Parameter, DecayUnderAQuarterUlpLeavesTheBits) {
  const Tensor before = make_edge_weights().value;
  for (const Real decay :
       {Real(0), Real(1e-30), epsilon / 1000, epsilon / 8, epsilon / Real(4.001)}) {
    EXPECT_TRUE(test::same_bits(decayed(decay), before)) << decay / epsilon << " ulp";
  }
  // With a gradient: as without decay.
  const Product product;
  const Tensor g = normal_tensor({rows * columns}, 4);
  const auto step = [&](Real decay) {
    Parameter p = make_parameter();
    p.sink = {.target = p.value.data(), .rate = Real(-0.01), .decay = decay, .accumulate = true};
    product.give_to(p);
    p.take(g.data(), 0, g.size());
    return std::move(p.value);
  };
  EXPECT_TRUE(test::same_bits(step(epsilon / 8), step(0)));
}

TEST(Parameter, DecayIsRoundedOnce) {
  const Tensor before = make_edge_weights().value;
  for (const Real decay : {epsilon * Real(0.6), epsilon, Real(1e-3), Real(0.3)}) {
    const Tensor after = decayed(decay);
    for (std::int64_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(after[i], std::fma(-decay, before[i], before[i])) << before[i];
    }
  }
}

// Over a quarter ulp of 1 the decay moves powers of two (whose lower neighbour is half an ulp away)
// and numbers just under them. src/nn/parameter.cpp skips the decay up to half an ulp.
TEST(Parameter, DecayOverAQuarterUlpIsRoundedOnceToo) {
  const Tensor before = make_edge_weights().value;
  for (const Real decay : {epsilon * Real(0.3), epsilon * Real(0.4), epsilon * Real(0.5)}) {
    const Tensor after = decayed(decay);
    for (std::int64_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(after[i], std::fma(-decay, before[i], before[i])) << before[i];
    }
  }
}

TEST(Parameter, UniformInitialisationIsAPureFunctionOfSeedOrdinalAndElement) {
  const auto draw = [](std::int64_t count, std::int64_t seed, std::uint32_t ordinal) {
    Parameter p{"p", {"i"}, Group::mlp, Tensor({count}), {}};
    initialise_uniform(p, 0.25, seed, ordinal);
    return std::move(p.value);
  };
  const Tensor once = draw(1000, 7, 3);
  EXPECT_TRUE(test::same_bits(once, draw(1000, 7, 3)));
  EXPECT_FALSE(test::same_bits(once, draw(1000, 8, 3)));
  EXPECT_FALSE(test::same_bits(once, draw(1000, 7, 4)));
  const Tensor longer = draw(1500, 7, 3);
  EXPECT_TRUE(std::ranges::equal(once.values(), longer.values().first(1000)));
  // Both builds draw the same numbers, floats.
  for (const Real x : once.values()) {
    EXPECT_EQ(x, static_cast<Real>(static_cast<float>(x)));
    EXPECT_LE(std::abs(x), Real(0.25));
  }
}

}  // namespace
}  // namespace icl::nn
