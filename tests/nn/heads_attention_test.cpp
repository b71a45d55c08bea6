#include "icl/nn/heads_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

/// A layer, and which tokens attend.
struct Shape : HeadsAttention::Shape {
  Queries queries = Queries::all;

  [[nodiscard]] std::int64_t outputs() const { return count(queries); }
  [[nodiscard]] bool gathers() const { return HeadsAttention::Shape::gathers(queries); }
  [[nodiscard]] bool merges() const { return HeadsAttention::Shape::merges(queries); }
};
constexpr auto linear = AttentionKind::linear;
constexpr auto merged = HeadsAttention::Kernel::merged;

/// Every way in which the layer may be used.
const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{
      {{.width = 7, .tokens = 5, .heads = 1, .head = 4}, Queries::all},
      {{.width = 6, .tokens = 5, .heads = 3, .head = 4, .scale = 0.5}, Queries::all},
      {{.width = 6, .tokens = 5, .heads = 2, .head = 4, .rotary = true}, Queries::all},
      {{.width = 6, .tokens = 4, .heads = 2, .head = 3, .output = false}, Queries::all},
      {{.width = 6, .tokens = 4, .heads = 2, .head = 3, .kind = linear}, Queries::all},
      {{.width = 6, .tokens = 1, .heads = 2, .head = 3}, Queries::all},
      {{.width = 6, .tokens = 5, .heads = 1, .head = 8, .scale = 0.5, .kernel = merged},
       Queries::all},
      {{.width = 6, .tokens = 4, .heads = 1, .head = 6, .output = false, .kernel = merged},
       Queries::all},
      {{.width = 6, .tokens = 4, .heads = 1, .head = 6, .kind = linear, .kernel = merged},
       Queries::all},
      {{.width = 6, .tokens = 4, .heads = 1, .head = 6, .rotary = true}, Queries::all},
      {{.width = 7, .tokens = 5, .heads = 1, .head = 4}, Queries::last},
      {{.width = 6, .tokens = 5, .heads = 3, .head = 4, .scale = 0.5}, Queries::last},
      {{.width = 6, .tokens = 5, .heads = 2, .head = 4, .rotary = true}, Queries::last},
      {{.width = 6, .tokens = 4, .heads = 2, .head = 3, .output = false}, Queries::last},
      {{.width = 6, .tokens = 4, .heads = 2, .head = 3, .kind = linear}, Queries::last}};
  return all;
}

/// A layer with random parameters, scores of the order of one, and all that one pass needs.
struct Case {
  explicit Case(const Shape& s, std::int64_t size = 3)
      : batch(size),
        attention("attn", s),
        activations(size, s, s.queries),
        x(test::normal_tensor({size * s.tokens, s.width}, 21)),
        dx({size * s.tokens, s.width}),
        start(test::normal_tensor({size * s.outputs(), s.width}, 22)),
        y(start.clone()),
        dy(test::normal_tensor({size * s.outputs(), s.width}, 23)),
        weights({size, s.tokens}),
        looks(static_cast<std::size_t>(s.heads), Attending::learned) {
    for (Parameter* p : attention.parameters()) {
      const auto columns = static_cast<double>(p->value.extent(1));
      test::fill_normal(p->value.values(), 13, 1.2 / std::sqrt(columns));
    }
    for (std::int64_t b = 0; b < size; ++b) weights.row(b)[b % s.tokens] = 1;
  }
  [[nodiscard]] Given given() const { return {looks, weights}; }
  void clamp(Attending to) { std::ranges::fill(looks, to); }
  void forward(const Workers& workers = Workers(1)) {
    std::ranges::copy(start.values(), y.data());
    attention.forward(batch, x, given(), activations, y, workers);
  }
  void backward(const Workers& workers = Workers(1)) {
    attention.backward(batch, x, given(), activations, dy, dx, workers);
  }

  std::int64_t batch;
  HeadsAttention attention;
  HeadsAttention::Activations activations;
  Tensor x, dx, start, y, dy, weights;
  std::vector<Attending> looks;  ///< of each head
};

constexpr std::array all_attending{Attending::learned, Attending::uniform, Attending::copy,
                                   Attending::none, Attending::previous};

double largest_of(const Tensor& tensor) {
  double largest = 0;
  for (const Real v : tensor.values()) largest = std::max(largest, std::abs(double{v}));
  return largest;
}

void expect_near(const Tensor& a, const Tensor& b, const std::string& what) {
  constexpr double bound = sizeof(Real) == sizeof(double) ? 1e-13 : 1e-5;
  ASSERT_EQ(a.size(), b.size());
  const double near = bound * largest_of(b);
  for (std::int64_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], near) << what << ' ' << i;
  }
}

TEST(HeadsAttention, AllKernelsAgree) {
  auto all = shapes();
  Shape wide = all.front();  // whose weights are several tasks
  wide.heads = 1;
  wide.width = 130;
  wide.head = 140;
  wide.kernel = merged;
  all.push_back(wide);
  for (const Shape& s : all) {
    if (!s.gathers() && !s.merges()) continue;
    for (const Attending to : all_attending) {
      Shape other = s;
      other.kernel = HeadsAttention::Kernel::materialised;
      Case a(s);
      Case b(other);
      a.clamp(to);
      b.looks = a.looks;
      std::array<Tensor, 4> gradients;
      std::size_t i = 0;
      for (Case* c : {&a, &b}) {
        for (Parameter* p : c->attention.parameters()) test::set_gradient(*p, gradients.at(i++));
        i = 2;
        c->forward();
        c->backward();
      }
      expect_near(a.y, b.y, "y");
      expect_near(a.dx, b.dx, "dx");
      expect_near(gradients[0], gradients[2], "qkv");
      if (s.output) expect_near(gradients[1], gradients[3], "output");
    }
  }
}

TEST(HeadsAttention, HeadsThatAreClampedHaveTheWeightsOfTheirName) {
  for (const Shape& s : shapes()) {
    for (std::size_t i = 1; i < all_attending.size(); ++i) {
      Case learned(s);
      Case c(s);
      c.looks.front() = all_attending.at(i);
      learned.forward();
      c.forward();
      const std::int64_t queries = s.outputs();
      for (std::int64_t b = 0; b < c.batch; ++b) {
        for (std::int64_t q = 0; q < queries; ++q) {
          const std::int64_t place = s.tokens - queries + q;
          const std::int64_t before = std::max<std::int64_t>(place - 1, 0);
          for (std::int64_t j = 0; j < s.tokens; ++j) {
            const std::int64_t at = q * s.tokens + j;
            const Real found = c.activations.attention.row(b)[at];
            Real expected = 0;  // none
            if (c.looks.front() == Attending::uniform && j <= place) {
              expected = Real{1} / static_cast<Real>(place + 1);
            } else if (c.looks.front() == Attending::previous) {
              expected = j == before ? 1 : 0;
            } else if (c.looks.front() == Attending::copy) {
              expected =
                  q + 1 == queries ? c.weights.row(b)[j] : learned.activations.attention.row(b)[at];
            }
            ASSERT_EQ(found, expected) << i << ' ' << q << ' ' << j;
          }
        }
        for (std::int64_t at = queries * s.tokens; at < s.heads * queries * s.tokens; ++at) {
          ASSERT_EQ(c.activations.attention.row(b)[at], learned.activations.attention.row(b)[at]);
        }
      }
    }
  }
}

TEST(HeadsAttention, TheLastQueryIsTheLastOfAll) {
  for (const Shape& s : shapes()) {
    if (s.queries != Queries::all) continue;
    Shape last = s;
    last.queries = Queries::last;
    Case all(s);
    Case one(last);
    std::ranges::fill(all.start.values(), Real{0});
    std::ranges::fill(one.start.values(), Real{0});
    all.forward();
    one.forward();
    for (std::int64_t b = 0; b < all.batch; ++b) {
      for (std::int64_t i = 0; i < s.width; ++i) {
        EXPECT_NEAR(one.y.row(b)[i], all.y.row((b + 1) * s.tokens - 1)[i], 1e-5);
      }
    }
  }
}

TEST(HeadsAttention, RotaryScoresDependOnTheDistanceAlone) {
  const Shape s{{.width = 6, .tokens = 9, .heads = 1, .head = 6, .rotary = true}};
  Case c(s, 1);
  for (std::int64_t j = 1; j < s.tokens; ++j) std::copy_n(c.x.row(0), s.width, c.x.row(j));
  c.forward();
  // Equal tokens: a_ij / a_ii is a function of i - j.
  const auto a = [&](std::int64_t i, std::int64_t j) {
    return double{c.activations.attention[i * s.tokens + j]};
  };
  for (std::int64_t i = 1; i + 1 < s.tokens; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      EXPECT_NEAR(a(i, j) / a(i, i), a(i + 1, j + 1) / a(i + 1, i + 1), 1e-4) << i << ' ' << j;
    }
  }
  EXPECT_GT(std::abs(a(8, 0) / a(8, 8) - 1), 0.01) << "positions make no difference";
}

TEST(HeadsAttention, ATokenIsBlindToLaterOnes) {
  for (const Shape& s : shapes()) {
    if (s.queries != Queries::all) continue;
    Case c(s);
    c.forward();
    const Tensor y = c.y.clone();
    c.x.row(s.tokens - 1)[2] += Real{0.5};  // the last token of the first sequence
    c.forward();
    for (std::int64_t row = 0; row < y.extent(0); ++row) {
      const bool same = std::equal(y.row(row), y.row(row) + s.width, c.y.row(row));
      EXPECT_EQ(same, row != s.tokens - 1) << row;
    }
  }
}

TEST(HeadsAttention, HasTheSameBitsForAnyNumberOfWorkers) {
  for (Shape s : shapes()) {
    s.width = s.output || s.merges() ? 140 : s.width;
    if (s.merges()) s.head = s.width;
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Case c(s, 150);
      for (Parameter* p : c.attention.parameters()) test::set_step(*p, 0.1, 0.3);
      c.forward(workers);
      c.backward(workers);
      auto all = test::tensors(c.y, c.dx, c.activations.ds);
      for (Parameter* p : c.attention.parameters()) all.push_back(std::move(p->value));
      return all;
    });
  }
}

#ifdef ICL_REAL_DOUBLE

TEST(HeadsAttention, BackwardIsTheDerivativeOfForward) {
  for (const Shape& s : shapes()) {
    for (std::size_t i = 0; i < all_attending.size(); ++i) {
      if (i > 0 && s.tokens == 1) continue;
      Case c(s);
      // One head after another, so that those beside it have other ways.
      for (std::size_t h = 0; h < c.looks.size(); ++h) {
        c.looks[h] = all_attending.at((i + h) % all_attending.size());
      }
      test::GradientCheck check(7);
      for (Parameter* p : c.attention.parameters()) check.parameter(*p);
      check.variable("x", c.x.values(), c.dx.values());
      check.output(c.y.values(), c.dy.values());
      EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }))
          << s.width << ' ' << s.tokens << ' ' << s.heads << ' ' << i;
    }
  }
}

#endif

}  // namespace
}  // namespace icl::nn
