#include "icl/nn/causal_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "support/blas.hpp"
#include "support/causal_reference.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

namespace reference = test::reference;

struct Shape {
  std::int64_t batch, length, width;
};

/// Every way in which the layer may be used.
struct Use {
  Queries queries;
  Attending attending;
  const char* name;
};
constexpr std::array uses{Use{Queries::all, Attending::learned, "all"},
                          Use{Queries::last, Attending::learned, "last"},
                          Use{Queries::last, Attending::uniform, "last, uniform"},
                          Use{Queries::last, Attending::copy, "last, copy"},
                          Use{Queries::last, Attending::none, "last, none"}};

/// Copies of the target in a third of the places; none in the first sequence.
Batch make_batch(const Shape& s) {
  Batch batch;
  batch.size = s.batch;
  batch.length = s.length;
  batch.copy = BasicTensor<std::uint8_t>({s.batch, s.length - 1});
  const auto words = test::random_words(static_cast<std::size_t>(batch.copy.size()), 5);
  for (std::int64_t i = s.length - 1; i < batch.copy.size(); ++i) {
    batch.copy[i] = words[static_cast<std::size_t>(i)] % 3 == 0 ? 1 : 0;
  }
  return batch;
}

/// A layer with random parameters and all that one pass through it needs.
struct Case {
  /// Scores are of the order of one, whatever the width.
  Case(const Shape& s, const Use& u)
      : use(u),
        batch(make_batch(s)),
        outputs(u.queries == Queries::all ? s.length : 1),
        attention("qkv", s.width, u.queries),
        activations(s.batch, s.length, attention),
        x(test::normal_tensor({s.batch * s.length, s.width}, 21)),
        dx({s.batch * s.length, s.width}),
        y({s.batch * outputs, s.width}),
        dy(test::normal_tensor({s.batch * outputs, s.width}, 22)) {
    const double deviation = std::pow(static_cast<double>(s.width), -0.75);
    test::fill_normal(attention.qkv.value.values(), 13, deviation);
  }

  void forward(const Workers& workers = Workers(1)) {
    attention.forward(batch, x, activations, y, use.attending, workers);
  }
  void backward(const Workers& workers = Workers(1)) {
    attention.backward(batch, x, activations, dy, dx, use.attending, workers);
  }
  /// The tokens of sequence b.
  [[nodiscard]] reference::Rows tokens(std::int64_t b) const {
    reference::Rows rows;
    for (std::int64_t j = 0; j < batch.length; ++j) {
      const Real* row = x.row(b * batch.length + j);
      rows.emplace_back(row, row + x.extent(1));
    }
    return rows;
  }

  Use use;
  Batch batch;
  std::int64_t outputs;  ///< Nq
  CausalAttention attention;
  CausalAttention::Activations activations;
  Tensor x, dx, y, dy;
};

TEST(CausalAttention, NamesItsParameter) {
  const CausalAttention attention("layers.0.qkv", 9, Queries::all);
  EXPECT_EQ(attention.qkv.name, "layers.0.qkv.weight");
  EXPECT_TRUE(std::ranges::equal(attention.qkv.value.shape(), std::vector<std::int64_t>{27, 9}));
  EXPECT_EQ(attention.qkv.axes, (std::vector<std::string>{"qkv", "token"}));
  EXPECT_EQ(attention.qkv.group, Group::attention);
}

void expect_forward_agrees(Case& c) {
  c.forward();
  const auto qkv = reference::widen(c.attention.qkv.value);
  for (std::int64_t b = 0; b < c.batch.size; ++b) {
    const reference::Rows x = c.tokens(b);
    reference::RoundedRows exact;
    for (const auto& row : x) exact.emplace_back(row.begin(), row.end());
    const auto given = reference::given_weights(c.use.attending, c.batch, b);
    for (std::int64_t q = 0; q < c.outputs; ++q) {
      const auto i = static_cast<std::size_t>(c.batch.length - c.outputs + q);
      const auto y = reference::attended(qkv, x, i, given);
      const auto rounded = reference::rounded_attended(qkv, exact, i, given);
      double largest = 0;
      for (const double v : y) largest = std::max(largest, std::abs(v));
      for (std::size_t k = 0; k < y.size(); ++k) {
        ASSERT_NEAR(rounded[k].value, y[k], 1e-13 * largest) << "two references, one result";
        const double tolerance = reference::tolerance(rounded[k], largest);
        ASSERT_NEAR(c.y.row(b * c.outputs + q)[k], y[k], tolerance)
            << "sequence " << b << ", token " << i << ", entry " << k;
        ASSERT_LT(tolerance, 1e-4 * largest) << "too loose to be a test";
      }
    }
  }
}

TEST(CausalAttention, ForwardAgreesWithTheReference) {
  for (const Use& use : uses) {
    for (const Shape& s : {Shape{1, 1, 1},
                           {3, 1, 5},
                           {3, 2, 7},
                           {17, 5, 7},
                           {35, 9, 17},
                           {2, 33, 20},
                           {2, 20, 65}}) {
      SCOPED_TRACE(testing::Message()
                   << use.name << ' ' << s.batch << ' ' << s.length << ' ' << s.width);
      Case c(s, use);
      expect_forward_agrees(c);
    }
  }
}

// Without a shift the exponentials would overflow.
TEST(CausalAttention, LargeScoresGiveFiniteWeights) {
  for (const Use& use : {uses[0], uses[1]}) {
    Case c({3, 6, 7}, use);
    for (Real& w : c.attention.qkv.value.values()) w *= 100;
    c.forward();
    for (std::int64_t row = 0; row < c.activations.attention.extent(0); ++row) {
      double sum = 0;
      for (std::int64_t j = 0; j < 6; ++j) sum += double{c.activations.attention.row(row)[j]};
      EXPECT_NEAR(sum, 1, 20 * test::unit_roundoff);
    }
  }
}

TEST(CausalAttention, ATokenIsBlindToLaterOnes) {
  const Shape s{3, 6, 7};
  Case c(s, uses[0]);
  c.forward();
  const Tensor y = c.y.clone();
  for (std::int64_t i = 0; i < s.length; ++i) {
    const Real* a = c.activations.attention.row(s.length + i);
    for (std::int64_t j = 0; j < s.length; ++j) EXPECT_EQ(a[j] > 0, j <= i) << i << ' ' << j;
    for (std::int64_t j = i + 1; j < s.length; ++j) EXPECT_EQ(a[j], 0) << i << ' ' << j;
  }
  // A change of token 3 of sequence 1 reaches itself and those behind it.
  c.x.row(s.length + 3)[2] += Real{0.5};
  c.forward();
  for (std::int64_t row = 0; row < s.batch * s.length; ++row) {
    const bool same = std::equal(y.row(row), y.row(row) + s.width, c.y.row(row));
    EXPECT_EQ(same, row < s.length + 3 || row >= 2 * s.length) << row;
  }
}

TEST(CausalAttention, FillsActivationsMadeForLargerBatches) {
  for (const Use& use : uses) {
    Case c({5, 4, 7}, use);
    c.forward();
    CausalAttention::Activations larger(23, 4, c.attention);
    Tensor y(c.y.shape());
    c.attention.forward(c.batch, c.x, larger, y, use.attending, Workers(1));
    EXPECT_TRUE(test::same_bits(c.y, y)) << use.name;
  }
}

TEST(CausalAttention, TakesInputGradientsBeforeTheWeightsChange) {
  constexpr double rate = 0.01;
  constexpr double decay = 0.3;
  for (const Use& use : uses) {
    const Shape s{19, 5, 9};
    Case plain(s, use);
    Tensor gradient;
    test::set_gradient(plain.attention.qkv, gradient);
    plain.forward();
    plain.backward();
    Case stepped(s, use);
    test::set_step(stepped.attention.qkv, rate, decay);
    stepped.forward();
    stepped.backward();
    EXPECT_TRUE(test::same_bits(plain.dx, stepped.dx)) << use.name;
    double largest = 0;
    for (const Real g : gradient.values()) largest = std::max(largest, std::abs(double{g}));
    for (std::int64_t k = 0; k < gradient.size(); ++k) {
      // The terms of a gradient are not known here; they cancel to a tenth at most.
      const auto step = test::exact_step(plain.attention.qkv.value[k], rate, decay,
                                         s.batch * plain.outputs, gradient[k], 10 * largest);
      ASSERT_NEAR(stepped.attention.qkv.value[k], step.value, step.tolerance)
          << use.name << ' ' << k;
    }
  }
}

TEST(CausalAttention, GivenWeightsHaveNoGradientOfQueriesAndKeys) {
  for (std::size_t u = 2; u < uses.size(); ++u) {
    Case c({19, 5, 9}, uses[u]);
    Tensor gradient;
    test::set_gradient(c.attention.qkv, gradient);
    c.forward();
    c.backward();
    const auto values = gradient.values();
    const auto dwv = values.last(values.size() / 3);
    const auto zero = [](Real g) { return g == 0; };
    EXPECT_TRUE(std::ranges::all_of(values.first(values.size() - dwv.size()), zero))
        << uses[u].name;
    EXPECT_EQ(std::ranges::all_of(dwv, zero), uses[u].attending == Attending::none);
  }
}

TEST(CausalAttention, HasTheSameBitsForAnyNumberOfWorkers) {
  for (const Use& use : uses) {
    for (const Shape& s : {Shape{1, 2, 9}, {37, 9, 22}, {50, 30, 65}}) {
      test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
        Case c(s, use);
        test::set_step(c.attention.qkv, 0.1, 0.3);
        c.forward(workers);
        c.backward(workers);
        return test::tensors(c.y, c.dx, c.activations.ds, c.attention.qkv.value);
      });
    }
  }
}

#ifdef ICL_REAL_DOUBLE

TEST(CausalAttention, BackwardIsTheDerivativeOfForward) {
  for (const Use& use : uses) {
    for (const Shape& s : {Shape{1, 1, 3}, {2, 1, 4}, {3, 2, 7}, {18, 3, 5}, {2, 17, 6}}) {
      Case c(s, use);
      test::GradientCheck check(7);
      check.parameter(c.attention.qkv);
      check.variable("x", c.x.values(), c.dx.values());
      check.output(c.y.values(), c.dy.values());
      EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }))
          << use.name << ' ' << s.batch << ' ' << s.length << ' ' << s.width;
    }
  }
}

#endif

}  // namespace
}  // namespace icl::nn
