#include "icl/nn/label_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"
#include "support/rounding.hpp"
#include "support/rounding_error.hpp"
#include "support/same_bits.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

namespace reference = test::reference;
using test::Sample;
using test::SampleShape;

constexpr Attending all_ways[] = {Attending::learned, Attending::uniform, Attending::copy,
                                  Attending::none};
constexpr Self both[] = {Self::excluded, Self::included};

/// The layer and all that one pass through it needs.
struct Case {
  Case(const SampleShape& s, Self self_or_not, Attending way, double beta = 1.5)
      : self(self_or_not),
        attending(way),
        attention(s.dimension, self),
        sample(s, test::PlainEncoder(s.dimension)),
        activations(s.batch, s.length),
        start(test::normal_tensor({s.batch}, 12)),
        z({s.batch}),
        dz(test::normal_tensor({s.batch}, 13)) {
    attention.w.value[0] = Real{0.75};
    attention.beta.value[0] = static_cast<Real>(beta);
  }

  void forward(const Workers& workers = Workers(1)) {
    std::ranges::copy(start.values(), z.data());
    attention.forward(sample.batch, activations, z, attending, workers);
  }
  void backward(const Workers& workers = Workers(1)) {
    attention.backward(sample.batch, activations, dz, attending, workers);
  }
  [[nodiscard]] reference::LabelAttention expected() const {
    return {attention.w.value[0], attention.beta.value[0], self == Self::included};
  }

  Self self;
  Attending attending;
  LabelAttention attention;
  Sample sample;
  LabelAttention::Activations activations;
  Tensor start;  ///< what z holds before the attention is added
  Tensor z, dz;
};

/// Calls each(self, attending) for all combinations.
template <class Each>
void for_all_ways(const Each& each) {
  for (const Self self : both) {
    for (const Attending attending : all_ways) {
      SCOPED_TRACE(testing::Message() << "self " << (self == Self::included) << ", attending "
                                      << static_cast<int>(attending));
      each(self, attending);
    }
  }
}

TEST(LabelAttention, HasTwoNumbersOfTheAttentionGroup) {
  const LabelAttention attention(7, Self::excluded);
  for (const Parameter* p : {&attention.w, &attention.beta}) {
    EXPECT_EQ(p->value.size(), 1);
    EXPECT_EQ(p->axes.size(), 1U);
    EXPECT_EQ(p->group, Group::attention);
  }
  EXPECT_EQ(attention.w.name, "w");
  EXPECT_EQ(attention.beta.name, "beta");
}

void expect_forward_agrees(Case& c) {
  std::ranges::fill(c.activations.attention.values(), std::numeric_limits<Real>::quiet_NaN());
  c.forward();
  const reference::LabelAttention expected = c.expected();
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const auto weights = expected.weights(c.sample, b, c.attending);
    const auto rounded = reference::rounded_weights(expected, c.sample, b, c.attending);
    for (std::size_t j = 0; j < weights.size(); ++j) {
      const double tolerance = reference::tolerance(rounded[j], weights[j]);
      ASSERT_NEAR(c.activations.attention.row(b)[j], weights[j], tolerance) << b << ' ' << j;
      ASSERT_LE(tolerance, 1e-4 * weights[j]) << "too loose to be a test";
    }
    const double z = c.start[b] + expected.forward(c.sample, b, c.attending);
    const auto z_rounded =
        reference::rounded_attention(expected, c.sample, b, c.attending, double{c.start[b]});
    const double tolerance = reference::tolerance(z_rounded, std::abs(z));
    ASSERT_NEAR(z_rounded.value, z, 1e-13) << "two references, one result";
    ASSERT_NEAR(c.z[b], z, tolerance) << "sequence " << b;
    ASSERT_LT(tolerance, 1e-4) << "too loose to be a test";
  }
}

// A sequence may be its target alone, and D + 1 may be below, at and above a multiple of the lanes.
TEST(LabelAttention, ForwardAgreesWithTheReference) {
  for_all_ways([](Self self, Attending attending) {
    for (const SampleShape& s :
         {SampleShape{1, 1, 1}, {3, 2, 7}, {35, 5, 15}, {16, 33, 16}, {5, 100, 63, 40}}) {
      SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
      Case c(s, self, attending);
      expect_forward_agrees(c);
    }
  });
}

// Scores of the order of 10^3: exponentials without a shift would overflow.
TEST(LabelAttention, OfALargeBetaIsThatOfTheNearestTokens) {
  for (const Self self : both) {
    Case c({9, 6, 7}, self, Attending::learned, 1000);
    c.forward();
    for (std::int64_t b = 0; b < 9; ++b) {
      const Real* a = c.activations.attention.row(b);
      const Real* products = c.activations.products.row(b);
      const std::int64_t n = self == Self::included ? 6 : 5;
      const Real largest = *std::max_element(products, products + n);
      const auto nearest = std::count(products, products + n, largest);
      for (std::int64_t j = 0; j < n; ++j) {
        const double expected = products[j] == largest ? 1.0 / static_cast<double>(nearest) : 0;
        EXPECT_NEAR(a[j], expected, 10 * test::unit_roundoff) << b << ' ' << j;
      }
    }
  }
}

TEST(LabelAttention, AttendsToNothingWhereThereIsNoCopy) {
  Case c({40, 4, 7}, Self::included, Attending::copy);
  c.forward();
  std::int64_t without = 0;
  for (std::int64_t b = 0; b < 40; ++b) {
    if (c.sample.copies(b) > 0) continue;
    ++without;
    EXPECT_EQ(c.z[b], c.start[b]);
    EXPECT_EQ(c.activations.m[b], 0);
  }
  EXPECT_GT(without, 5);
  EXPECT_LT(without, 35);
}

// With a copy or several, which all have the target's label.
TEST(LabelAttention, OnTheCopyIsTheAnswer) {
  Case c({40, 4, 7}, Self::excluded, Attending::copy);
  c.forward();
  for (std::int64_t b = 0; b < 40; ++b) {
    if (c.sample.copies(b) == 0) continue;
    const auto label = static_cast<Real>(c.sample.labels[c.sample.batch.items.row(b)[3]]);
    EXPECT_NEAR(c.activations.m[b], label, 4 * test::unit_roundoff);
  }
}

TEST(FixedWeights, ReturnTheirSum) {
  const Sample sample({40, 4, 7}, test::PlainEncoder(7));
  for (const bool self : {false, true}) {
    for (std::int64_t b = 0; b < 40; ++b) {
      std::array<Real, 4> a{9, 9, 9, 9};
      EXPECT_EQ(fixed_weights(Attending::uniform, sample.batch, b, self, a.data()), 1);
      EXPECT_EQ(fixed_weights(Attending::none, sample.batch, b, self, a.data()), 0);
      EXPECT_EQ(fixed_weights(Attending::copy, sample.batch, b, self, a.data()),
                sample.copies(b) > 0 ? 1 : 0);
    }
  }
  const Sample alone({1, 1, 7}, test::PlainEncoder(7));
  Real a = 9;
  EXPECT_EQ(fixed_weights(Attending::uniform, alone.batch, 0, false, &a), 0);
  EXPECT_EQ(a, 0);
  EXPECT_EQ(fixed_weights(Attending::uniform, alone.batch, 0, true, &a), 1);
  EXPECT_EQ(a, 1);
}

TEST(LabelAttention, PassesNan) {
  Case c({3, 4, 7}, Self::excluded, Attending::learned);
  for (std::int64_t b = 0; b < 3; ++b) {
    for (std::int64_t j = 0; j < 4; ++j) c.sample.batch.items.row(b)[j] = static_cast<int>(j);
  }
  c.sample.batch.items.row(1)[2] = 5;
  c.sample.tokens.context.row(5)[3] = std::numeric_limits<Real>::quiet_NaN();
  c.forward();
  EXPECT_TRUE(std::isfinite(c.z[0]));
  EXPECT_TRUE(std::isnan(c.z[1]));
  EXPECT_TRUE(std::isfinite(c.z[2]));
}

// The gradient of beta is that of w as it was in the forward pass.
TEST(LabelAttention, StepThroughTheSinksIsGradientThenStep) {
  constexpr double rate = 0.1;
  constexpr double decay = 0.3;
  constexpr std::int64_t sequences = 19;
  const auto parameters = [](Case& c) {
    return std::array<Parameter*, 2>{&c.attention.w, &c.attention.beta};
  };
  Case plain({sequences, 5, 7}, Self::excluded, Attending::learned);
  std::array<Tensor, 2> gradients;
  for (std::size_t i = 0; i < 2; ++i) test::set_gradient(*parameters(plain)[i], gradients[i]);
  plain.forward();
  plain.backward();
  Case stepped({sequences, 5, 7}, Self::excluded, Attending::learned);
  for (Parameter* p : parameters(stepped)) test::set_step(*p, rate, decay);
  stepped.forward();
  stepped.backward();
  const std::array<const Tensor*, 2> terms{&plain.activations.dw, &plain.activations.dbeta};
  for (std::size_t i = 0; i < 2; ++i) {
    double magnitude = 0;
    for (const Real x : terms[i]->values()) magnitude += std::abs(double{x});
    const Parameter& before = *parameters(plain)[i];
    const auto step =
        test::exact_step(before.value[0], rate, decay, sequences, gradients[i][0], magnitude);
    EXPECT_NEAR(parameters(stepped)[i]->value[0], step.value, step.tolerance) << before.name;
    EXPECT_GT(std::abs(step.value - double{before.value[0]}), 100 * step.tolerance) << "no test";
  }
}

TEST(LabelAttention, HasTheSameBitsForAnyNumberOfWorkers) {
  for_all_ways([](Self self, Attending attending) {
    for (const SampleShape& s : {SampleShape{1, 2, 7}, {37, 9, 20}, {70, 30, 63}}) {
      test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
        Case c(s, self, attending);
        for (Parameter* p : {&c.attention.w, &c.attention.beta}) test::set_step(*p, 0.1, 0.3);
        c.forward(workers);
        c.backward(workers);
        return test::tensors(c.z, c.activations.attention, c.activations.m, c.attention.w.value,
                             c.attention.beta.value);
      });
    }
  });
}

#ifdef ICL_REAL_DOUBLE

TEST(LabelAttention, BackwardIsTheDerivativeOfForward) {
  for_all_ways([](Self self, Attending attending) {
    for (const SampleShape& s : {SampleShape{1, 1, 1}, {1, 2, 4}, {3, 2, 7}, {35, 5, 15}}) {
      Case c(s, self, attending);
      test::GradientCheck check(7);
      check.parameter(c.attention.w);
      check.parameter(c.attention.beta);
      check.output(c.z.values(), c.dz.values());
      EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }))
          << s.batch << ' ' << s.length << ' ' << s.dimension;
    }
  });
}

TEST(LabelAttention, HasAGradientOfBetaOnlyWhereAttentionIsLearned) {
  for_all_ways([](Self self, Attending attending) {
    Case c({35, 5, 15}, self, attending);
    Tensor dw, dbeta;
    test::set_gradient(c.attention.w, dw);
    test::set_gradient(c.attention.beta, dbeta);
    c.forward();
    c.backward();
    EXPECT_EQ(dw[0] != 0, attending != Attending::none);
    EXPECT_EQ(dbeta[0] != 0, attending == Attending::learned);
  });
}

#endif

}  // namespace
}  // namespace icl::nn
