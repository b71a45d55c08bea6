#include "icl/nn/target_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "support/blas.hpp"
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

constexpr Attending unlearned[] = {Attending::uniform, Attending::copy, Attending::none};
constexpr Attending all_ways[] = {Attending::learned, Attending::uniform, Attending::copy,
                                  Attending::none};

/// A layer with random parameters and all that one pass through it needs.
struct Case {
  explicit Case(const SampleShape& s, double weight_scale = 1, LabelCode label_code = {})
      : code(label_code),
        norm("norm", s.dimension, code),
        attention("qkv", norm.width()),
        sample(s, test::NormEncoder(norm)),
        activations(s.batch, s.length, norm),
        h({s.batch, norm.width()}),
        dh({s.batch, norm.width()}) {
    test::fill_normal(norm.gain.value.values(), 11, 0.3, 1);
    test::fill_normal(norm.bias.value.values(), 12, 0.3);
    const double deviation = weight_scale / std::sqrt(static_cast<double>(norm.width()));
    test::fill_normal(attention.qkv.value.values(), 13, deviation);
    test::fill_normal(dh.values(), 14);
  }

  void forward(const Workers& workers = Workers(1)) {
    attention.forward(sample.batch, norm, activations, h, attending, workers);
  }
  void backward(const Workers& workers = Workers(1)) {
    attention.backward(sample.batch, norm, activations, dh, attending, workers);
  }
  [[nodiscard]] std::vector<Parameter*> parameters() {
    return {&norm.gain, &norm.bias, &attention.qkv};
  }
  [[nodiscard]] reference::Attention expected() const {
    return {reference::widen(norm.gain.value), reference::widen(norm.bias.value),
            reference::widen(attention.qkv.value), code};
  }

  Attending attending = Attending::learned;
  LabelCode code;
  TokenNorm norm;
  TargetAttention attention;
  Sample sample;
  TargetAttention::Activations activations;
  Tensor h, dh;
};

TEST(TargetAttention, NamesItsParameter) {
  const TargetAttention attention("qkv", 9);
  EXPECT_EQ(attention.qkv.name, "qkv.weight");
  EXPECT_TRUE(std::ranges::equal(attention.qkv.value.shape(), std::vector<std::int64_t>{27, 9}));
  EXPECT_EQ(attention.qkv.group, Group::attention);
}

void expect_forward_agrees(Case& c) {
  c.forward();
  const auto expected = c.expected();
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const reference::Vector h = expected.forward(c.sample, b, c.attending);
    const auto rounded = reference::rounded_attention(expected, c.sample, b, c.attending);
    double largest = 0;
    for (const double x : h) largest = std::max(largest, std::abs(x));
    for (std::size_t i = 0; i < h.size(); ++i) {
      ASSERT_NEAR(rounded[i].value, h[i], 1e-13 * largest) << "two references, one result";
      const double tolerance = reference::tolerance(rounded[i], largest);
      ASSERT_NEAR(c.h.row(b)[i], h[i], tolerance) << "sequence " << b << ", entry " << i;
      ASSERT_LT(tolerance, 1e-4 * largest) << "too loose to be a test";
    }
  }
}

TEST(TargetAttention, ForwardAgreesWithTheReference) {
  for (const SampleShape& s :
       {SampleShape{1, 1, 1}, {3, 1, 5}, {3, 2, 7}, {17, 5, 7}, {35, 33, 15}, {16, 20, 16}}) {
    SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
    Case c(s);
    expect_forward_agrees(c);
  }
}

// Rows of one, and of more than one, chunk of 64 numbers. The bound grows with the square of the
// weights: smaller ones keep it meaningful in float.
TEST(TargetAttention, ForwardAgreesWithTheReferenceOnLongTokens) {
  for (const SampleShape& s :
       {SampleShape{5, 7, 63, 40}, {5, 100, 63, 40}, {3, 9, 64}, {3, 9, 90}}) {
    SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
    Case c(s);
    expect_forward_agrees(c);
  }
}

TEST(TargetAttention, ForwardAgreesWithTheReferenceForScalarLabels) {
  for (const SampleShape& s : {SampleShape{1, 1, 1}, {17, 5, 7}, {3, 33, 15}, {5, 7, 63, 40}}) {
    SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
    Case c(s, 1, LabelCode::scalar);
    expect_forward_agrees(c);
  }
}

TEST(TargetAttention, ForwardAgreesWithTheReferenceWhereAttentionIsNotLearned) {
  for (const LabelCode code : {LabelCode::onehot, LabelCode::scalar}) {
    for (const Attending attending : unlearned) {
      for (const SampleShape& s : {SampleShape{1, 1, 1}, {3, 2, 7}, {35, 5, 15}, {3, 33, 63, 40}}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(attending) << ' ' << s.batch);
        Case c(s, 1, code);
        c.attending = attending;
        expect_forward_agrees(c);
      }
    }
  }
}

// Where nothing is attended to, what is left is the target's own token: not the bias of a sum of
// no tokens.
TEST(TargetAttention, WithoutACopyTheAttentionTermVanishes) {
  for (const Attending attending : {Attending::copy, Attending::none}) {
    Case c({40, 4, 7});
    c.attending = attending;
    c.forward();
    std::int64_t without = 0;
    for (std::int64_t b = 0; b < 40; ++b) {
      if (attending == Attending::copy && c.sample.copies(b) > 0) continue;
      ++without;
      for (std::int64_t i = 0; i < c.norm.width(); ++i) {
        EXPECT_EQ(c.h.row(b)[i], c.activations.t.row(b)[i]);
      }
    }
    EXPECT_GT(without, 5);
    EXPECT_EQ(without < 35, attending == Attending::copy) << "both kinds of sequences are needed";
  }
}

// Scores of the order of 10^4: exponentials without a shift would overflow.
TEST(TargetAttention, ForwardAgreesWithTheReferenceOnLargeScores) {
  Case c({9, 6, 7}, 100);
  c.forward();
  const auto expected = c.expected();
  for (std::int64_t b = 0; b < c.sample.batch.size; ++b) {
    const reference::Vector h = expected.forward(c.sample, b);
    const auto rounded = reference::rounded_attention(expected, c.sample, b);
    double largest = 0;
    for (const double x : h) largest = std::max(largest, std::abs(x));
    for (std::size_t i = 0; i < h.size(); ++i) {
      EXPECT_NEAR(c.h.row(b)[i], h[i], rounded[i].tolerance());
      EXPECT_LT(rounded[i].tolerance(), 0.05 * largest) << "too loose to be a test";
    }
    double sum = 0;
    for (std::int64_t j = 0; j < 6; ++j) sum += c.activations.attention.row(b)[j];
    EXPECT_NEAR(sum, 1, 20 * test::unit_roundoff);
  }
}

TEST(TargetAttention, OrderOfContextTokensMattersOnlyByRounding) {
  Case c({5, 12, 15, 12});
  c.forward();
  const Tensor h = c.h.clone();
  for (std::int64_t b = 0; b < 5; ++b) {
    std::reverse(c.sample.batch.items.row(b), c.sample.batch.items.row(b) + 11);
  }
  c.forward();
  const auto expected = c.expected();
  for (std::int64_t b = 0; b < 5; ++b) {
    const auto rounded = reference::rounded_attention(expected, c.sample, b);
    for (std::size_t i = 0; i < rounded.size(); ++i) {
      EXPECT_NEAR(h.row(b)[i], c.h.row(b)[i], 2 * rounded[i].tolerance());
    }
  }
}

TEST(TargetAttention, PassesNan) {
  Case c({3, 6, 7});
  c.sample.batch.items.row(1)[2] = 5;
  for (std::int64_t j = 0; j < 6; ++j) {
    for (const std::int64_t b : {0, 2}) c.sample.batch.items.row(b)[j] = static_cast<int>(j % 5);
  }
  c.sample.tokens.context.row(5)[3] = std::numeric_limits<Real>::quiet_NaN();
  c.forward();
  for (std::int64_t i = 0; i < c.norm.width(); ++i) {
    EXPECT_TRUE(std::isfinite(c.h.row(0)[i]));
    EXPECT_TRUE(std::isnan(c.h.row(1)[i]));
    EXPECT_TRUE(std::isfinite(c.h.row(2)[i]));
  }
}

TEST(TargetAttention, StepThroughTheSinksIsGradientThenStep) {
  constexpr double rate = 0.01;
  for (const double decay : {0.0, 0.3}) {
    Case plain({19, 5, 7});
    std::vector<Tensor> gradients(3);
    for (std::size_t i = 0; i < 3; ++i) test::set_gradient(*plain.parameters()[i], gradients[i]);
    plain.forward();
    plain.backward();
    Case stepped({19, 5, 7});
    for (Parameter* p : stepped.parameters()) test::set_step(*p, rate, decay);
    stepped.forward();
    stepped.backward();
    for (std::size_t i = 0; i < 3; ++i) {
      const Tensor& before = plain.parameters()[i]->value;
      const Tensor& after = stepped.parameters()[i]->value;
      double largest = 0;
      for (const Real g : gradients[i].values()) largest = std::max(largest, std::abs(double{g}));
      for (std::int64_t k = 0; k < before.size(); ++k) {
        // The terms of a gradient are not known here; they cancel to a tenth at most.
        const auto step =
            test::exact_step(before[k], rate, decay, 19, gradients[i][k], 10 * largest);
        ASSERT_NEAR(after[k], step.value, step.tolerance)
            << plain.parameters()[i]->name << ' ' << k;
      }
    }
  }
}

TEST(TargetAttention, HasTheSameBitsForAnyNumberOfWorkers) {
  const auto expect = [](const SampleShape& s, Attending attending) {
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Case c(s);
      c.attending = attending;
      for (Parameter* p : c.parameters()) test::set_step(*p, 0.1, 0.3);
      c.forward(workers);
      c.backward(workers);
      return test::tensors(c.h, c.activations.ds, c.norm.gain.value, c.norm.bias.value,
                           c.attention.qkv.value);
    });
  };
  expect({1, 2, 7}, Attending::learned);
  expect({70, 30, 63}, Attending::learned);
  for (const Attending attending : all_ways) expect({37, 9, 20}, attending);
}

Tensor ones(std::int64_t n) {
  Tensor tensor({n});
  std::ranges::fill(tensor.values(), Real{1});
  return tensor;
}

// W_q a rotation that mixes the items' entries with the labels', W_k = c W_q: then W_k^T W_q = c I.
// The entries of the rotation are rounded, and errors of first order cancel.
TEST(IdentityAlignment, IsOneForAMultipleOfTheIdentity) {
  constexpr std::int64_t items = 7;
  constexpr std::int64_t x = items + 2;
  for (const double c : {2.5, -0.01}) {
    Tensor qkv({3 * x, x});
    for (std::int64_t i = 0; i < x; ++i) {
      qkv.row(i)[i] = 1;
      qkv.row(2 * x + i)[i] = 5;  // W_v has no part in it
    }
    for (std::int64_t i = 0; i + 1 < x; i += 2) {  // the last of these planes is (6, 7)
      const double angle = 0.3 + static_cast<double>(i);
      qkv.row(i)[i] = qkv.row(i + 1)[i + 1] = static_cast<Real>(std::cos(angle));
      qkv.row(i)[i + 1] = static_cast<Real>(std::sin(angle));
      qkv.row(i + 1)[i] = -qkv.row(i)[i + 1];
    }
    for (std::int64_t i = 0; i < x * x; ++i) qkv[x * x + i] = static_cast<Real>(c) * qkv[i];
    EXPECT_NEAR(identity_alignment(qkv, ones(x), items), c > 0 ? 1 : -1, 1e-12);
  }
}

/// X = 4, D = 2; what is outside of the items' columns, and W_v, has no part in it.
Tensor small_qkv() {
  constexpr std::array<Real, 48> rows{2, 0,  7, 1,  //
                                      1, 1,  3, 2,  //
                                      0, 1,  5, 9,  //
                                      1, 0,  8, 4,  //
                                      1, 2,  6, 7,  //
                                      0, 1,  2, 5,  //
                                      3, 0,  4, 3,  //
                                      0, -1, 9, 8,  //
                                      1, 2,  3, 4};
  Tensor qkv({12, 4});
  std::ranges::copy(rows, qkv.data());
  return qkv;
}

Tensor small_gain() {
  Tensor gain({4});
  std::ranges::copy(std::array<Real, 4>{2, 3, 5, 7}, gain.data());
  return gain;
}

// W_k^T W_q = [2 3; 4 1] between items, and with the gains (2, 3) it is [8 18; 24 9].
TEST(IdentityAlignment, IsTraceOverNormOfTheBlockBetweenItems) {
  EXPECT_NEAR(identity_alignment(small_qkv(), ones(4), 2), 3 / std::sqrt(2.0 * 30), 1e-15);
  EXPECT_NEAR(identity_alignment(small_qkv(), small_gain(), 2), 17 / std::sqrt(2.0 * 1045), 1e-15);
}

TEST(IdentityAlignment, DoesNotDependOnScaleButOnSign) {
  const double expected = identity_alignment(small_qkv(), small_gain(), 2);
  for (const double scale : {1024.0, 0x1p-20, -2.0}) {
    for (const std::int64_t matrix : {0, 1}) {
      Tensor qkv = small_qkv();
      for (std::int64_t i = 0; i < 16; ++i) qkv[16 * matrix + i] *= static_cast<Real>(scale);
      EXPECT_NEAR(identity_alignment(qkv, small_gain(), 2), scale > 0 ? expected : -expected,
                  1e-15);
    }
    Tensor gain = small_gain();
    for (Real& g : gain.values()) g *= static_cast<Real>(scale);
    EXPECT_NEAR(identity_alignment(small_qkv(), gain, 2), expected, 1e-15);
  }
}

// The entries of the block are nearly independent, of one variance: the trace has the deviation
// sqrt(D) of an entry, the norm is D of it, and so the alignment has 1/D.
TEST(IdentityAlignment, IsOfTheOrderOfOneOverTheDimensionAtRandom) {
  constexpr std::int64_t items = 63;
  TargetAttention attention("qkv", items + 2);
  double squares = 0;
  constexpr int seeds = 20;
  for (int seed = 0; seed < seeds; ++seed) {
    attention.initialise(seed, 2);
    const double alignment = identity_alignment(attention.qkv.value, ones(items + 2), items);
    squares += alignment * alignment;
  }
  // Twenty squares: their mean has the relative deviation sqrt(2 / 20) = 0.32.
  EXPECT_GT(items * std::sqrt(squares / seeds), 0.5);
  EXPECT_LT(items * std::sqrt(squares / seeds), 1.6);
}

#ifdef ICL_REAL_DOUBLE

void expect_backward_agrees(Case& c) {
  test::GradientCheck check(7);
  for (Parameter* p : c.parameters()) check.parameter(*p);
  check.output(c.h.values(), c.dh.values());
  EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }));
}

TEST(TargetAttention, BackwardIsTheDerivativeOfForward) {
  for (const LabelCode code : {LabelCode::onehot, LabelCode::scalar}) {
    for (const SampleShape& s : {SampleShape{1, 1, 1},
                                 {2, 1, 4},
                                 {3, 2, 7},
                                 {17, 5, 7},
                                 {35, 3, 15},
                                 {2, 40, 16},
                                 {3, 3, 50}}) {
      if (code == LabelCode::scalar && s.dimension > 16) continue;  // takes long
      SCOPED_TRACE(testing::Message() << s.batch << ' ' << s.length << ' ' << s.dimension);
      Case c(s, 1, code);
      expect_backward_agrees(c);
    }
  }
}

TEST(TargetAttention, BackwardIsTheDerivativeOfForwardWhereAttentionIsNotLearned) {
  for (const Attending attending : unlearned) {
    for (const SampleShape& s : {SampleShape{1, 1, 1}, {3, 2, 7}, {17, 5, 7}, {2, 40, 16}}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(attending) << ' ' << s.batch);
      Case c(s);
      c.attending = attending;
      expect_backward_agrees(c);
    }
  }
}

// Gain and bias are summed over the batch in columns of 64: here one more, as published, and
// several.
TEST(TargetAttention, BackwardIsTheDerivativeOfForwardOnLongTokens) {
  for (const std::int64_t dimension : {63, 70, 140}) {
    Case c({3, 3, dimension});
    test::GradientCheck check(7);
    Tensor unused;
    test::set_gradient(c.attention.qkv, unused);
    check.parameter(c.norm.gain);
    check.parameter(c.norm.bias);
    check.output(c.h.values(), c.dh.values());
    EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); })) << dimension;
  }
}

#endif

}  // namespace
}  // namespace icl::nn
