#include "icl/nn/scalar_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "support/scalar_reference.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

namespace reference = test::reference;
using test::Sample;
using test::SampleShape;

constexpr Attending all_ways[] = {Attending::learned, Attending::uniform, Attending::copy,
                                  Attending::none};
constexpr LabelCode both_codes[] = {LabelCode::onehot, LabelCode::scalar};

/// The layer and all that one pass through it needs.
struct Case {
  Case(const SampleShape& s, LabelCode label_code, Attending way, double beta = 1.5)
      : code(label_code),
        attending(way),
        attention(s.dimension, code),
        sample(s, test::PlainEncoder(s.dimension)),
        activations(s.batch, s.length, attention.width(), attention.row_width()),
        h({s.batch, attention.width()}),
        dh(test::normal_tensor({s.batch, attention.width()}, 13)) {
    attention.beta.value[0] = static_cast<Real>(beta);
    test::fill_normal(attention.value.value.values(), 14,
                      1 / std::sqrt(static_cast<double>(attention.width())));
  }

  void forward(const Workers& workers = Workers(1)) {
    attention.forward(sample.batch, activations, h, attending, workers);
  }
  void backward(const Workers& workers = Workers(1)) {
    attention.backward(sample.batch, activations, dh, attending, workers);
  }
  [[nodiscard]] reference::ScalarAttention expected() const {
    return {attention.beta.value[0], reference::widen(attention.value.value), code};
  }

  LabelCode code;
  Attending attending;
  ScalarAttention attention;
  Sample sample;
  ScalarAttention::Activations activations;
  Tensor h, dh;
};

/// Calls each(code, attending) for all combinations.
template <class Each>
void for_all_ways(const Each& each) {
  for (const LabelCode code : both_codes) {
    for (const Attending attending : all_ways) {
      SCOPED_TRACE(testing::Message() << "code " << static_cast<int>(code) << ", attending "
                                      << static_cast<int>(attending));
      each(code, attending);
    }
  }
}

TEST(ScalarAttention, HasANumberAndAMatrixOfTheAttentionGroup) {
  const ScalarAttention attention(7, LabelCode::onehot);
  EXPECT_EQ(attention.beta.name, "beta");
  EXPECT_EQ(attention.value.name, "value.weight");
  EXPECT_EQ(attention.beta.value.size(), 1);
  EXPECT_EQ(attention.value.value.size(), 81);
  EXPECT_EQ(ScalarAttention(7, LabelCode::scalar).width(), 8);
  for (const Parameter* p : {&attention.beta, &attention.value}) {
    EXPECT_EQ(p->group, Group::attention);
    EXPECT_EQ(p->axes.size(), p->value.shape().size());
  }
}

// A sequence may be its target alone, and D + 1 may be below, at and above a multiple of the lanes.
TEST(ScalarAttention, ForwardAgreesWithTheReference) {
  for_all_ways([](LabelCode code, Attending attending) {
    for (const SampleShape& s :
         {SampleShape{1, 1, 1}, {3, 2, 7}, {35, 5, 15}, {16, 33, 16}, {5, 100, 63, 40}}) {
      SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
      Case c(s, code, attending);
      std::ranges::fill(c.h.values(), std::numeric_limits<Real>::quiet_NaN());
      c.forward();
      for (std::int64_t b = 0; b < s.batch; ++b) {
        const auto expected = c.expected().forward(c.sample, b, attending);
        const auto rounded = reference::rounded_attention(c.expected(), c.sample, b, attending);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          // The first reference forms every value, so that in double it errs by more than this.
          ASSERT_NEAR(rounded[i].value, expected[i], 1e-13) << "two references, one result";
          const double tolerance = reference::tolerance(rounded[i], std::abs(expected[i]));
          ASSERT_NEAR(c.h.row(b)[i], rounded[i].value, tolerance) << b << ' ' << i;
          ASSERT_LT(tolerance, 1e-4) << "too loose to be a test";
        }
      }
    }
  });
}

// Scores of the order of 10^3: exponentials without a shift would overflow.
TEST(ScalarAttention, OfALargeBetaIsFinite) {
  Case c({9, 6, 7}, LabelCode::onehot, Attending::learned, 1000);
  c.forward();
  EXPECT_TRUE(std::ranges::all_of(c.h.values(), [](Real x) { return std::isfinite(x); }));
}

TEST(ScalarAttention, WithoutAttentionIsTheTargetsToken) {
  Case c({9, 6, 7}, LabelCode::onehot, Attending::none);
  c.forward();
  for (std::int64_t b = 0; b < 9; ++b) {
    const auto token = c.expected().token_of(c.sample, b, 5);
    for (std::size_t i = 0; i < token.size(); ++i) EXPECT_EQ(c.h.row(b)[i], token[i]);
  }
}

TEST(ScalarAttention, PassesNan) {
  Case c({3, 4, 7}, LabelCode::onehot, Attending::learned);
  for (std::int64_t b = 0; b < 3; ++b) {
    for (std::int64_t j = 0; j < 4; ++j) c.sample.batch.items.row(b)[j] = static_cast<int>(j);
  }
  c.sample.batch.items.row(1)[2] = 5;
  c.sample.tokens.context.row(5)[3] = std::numeric_limits<Real>::quiet_NaN();
  c.forward();
  EXPECT_TRUE(std::isfinite(c.h.row(0)[0]));
  EXPECT_TRUE(std::isnan(c.h.row(1)[0]));
  EXPECT_TRUE(std::isfinite(c.h.row(2)[0]));
}

TEST(ScalarAttention, HasTheSameBitsForAnyNumberOfWorkers) {
  for_all_ways([](LabelCode code, Attending attending) {
    for (const SampleShape& s : {SampleShape{1, 2, 7}, {37, 9, 20}, {70, 30, 63}}) {
      test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
        Case c(s, code, attending);
        for (Parameter* p : {&c.attention.beta, &c.attention.value}) test::set_step(*p, 0.1, 0.3);
        c.forward(workers);
        c.backward(workers);
        return test::tensors(c.h, c.activations.attention, c.attention.beta.value,
                             c.attention.value.value);
      });
    }
  });
}

#ifdef ICL_REAL_DOUBLE

TEST(ScalarAttention, BackwardIsTheDerivativeOfForward) {
  for_all_ways([](LabelCode code, Attending attending) {
    for (const SampleShape& s : {SampleShape{1, 1, 1}, {2, 3, 4}, {3, 2, 7}, {35, 5, 15}}) {
      Case c(s, code, attending);
      test::GradientCheck check(7);
      check.parameter(c.attention.beta);
      check.parameter(c.attention.value);
      check.output(c.h.values(), c.dh.values());
      EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }))
          << s.batch << ' ' << s.length << ' ' << s.dimension;
    }
  });
}

TEST(ScalarAttention, HasAGradientOfBetaOnlyWhereAttentionIsLearned) {
  for_all_ways([](LabelCode code, Attending attending) {
    Case c({35, 5, 15}, code, attending);
    Tensor dbeta, dvalue;
    test::set_gradient(c.attention.beta, dbeta);
    test::set_gradient(c.attention.value, dvalue);
    c.forward();
    c.backward();
    EXPECT_EQ(dbeta[0] != 0, attending == Attending::learned);
    EXPECT_EQ(dvalue[0] != 0, attending != Attending::none);
  });
}

#endif

}  // namespace
}  // namespace icl::nn
