#include "icl/nn/token_mlp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"
#include "support/rounding.hpp"
#include "support/rounding_error.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

using test::normal_tensor;
namespace reference = test::reference;

struct Shape {
  std::int64_t rows, width, hidden;
  std::int64_t layers = 3;
  config::ActFn f = config::ActFn::relu;
  [[nodiscard]] TokenMlp::Shape of_mlp() const { return {width, hidden, width, layers, f}; }
};

/// An MLP with parameters of a size at which no layer's signal dies out, and all that one pass
/// through it needs.
struct Case {
  explicit Case(const Shape& s)
      : mlp("layers.0.mlp", s.of_mlp(), {"token", "token"}),
        activations(s.rows, s.of_mlp()),
        x(normal_tensor({s.rows, s.width}, 21)),
        dx({s.rows, s.width}),
        y({s.rows, s.width}),
        dy(normal_tensor({s.rows, s.width}, 22)) {
    std::uint64_t seed = 1;
    for (Parameter* p : mlp.parameters()) {
      const double fan_in = p->axes.size() == 2 ? static_cast<double>(p->value.extent(1)) : 4;
      test::fill_normal(p->value.values(), seed++, std::sqrt(2 / fan_in));
    }
  }
  void forward(const Workers& workers = Workers(1)) {
    mlp.forward(x.extent(0), x, activations, y, workers);
  }
  void backward(const Workers& workers = Workers(1)) {
    mlp.backward(x.extent(0), x, activations, dy, dx, workers);
  }

  TokenMlp mlp;
  TokenMlp::Activations activations;
  Tensor x, dx, y, dy;
};

TEST(TokenMlp, NamesItsParametersAsATorchSequential) {
  TokenMlp mlp("layers.0.mlp", {5, 3, 5}, {"token", "token"});
  std::vector<std::string> names;
  for (const Parameter* p : mlp.parameters()) names.push_back(p->name);
  EXPECT_EQ(names, (std::vector<std::string>{"layers.0.mlp.0.weight", "layers.0.mlp.0.bias",
                                             "layers.0.mlp.2.weight", "layers.0.mlp.2.bias",
                                             "layers.0.mlp.4.weight", "layers.0.mlp.4.bias"}));
  const Parameter& last = *mlp.parameters()[4];
  EXPECT_TRUE(std::ranges::equal(last.value.shape(), std::vector<std::int64_t>{5, 3}));
  EXPECT_EQ(last.axes, (std::vector<std::string>{"token", "hidden2"}));
}

TEST(TokenMlp, ForwardAgreesWithTheReference) {
  for (const Shape& s : {Shape{1, 1, 1}, {5, 9, 17}, {35, 20, 133}, {300, 9, 12}}) {
    Case c(s);
    const auto p = c.mlp.parameters();
    const auto wide = [&](std::size_t i) { return reference::widen(p[i]->value); };
    const reference::Mlp expected{wide(0), wide(1), wide(2), wide(3), wide(4), wide(5)};
    c.forward();
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const auto row = reference::widen(std::span<const Real>(c.x.row(r), std::size_t(s.width)));
      const auto y = expected.outputs(row);
      const auto rounded = reference::rounded_outputs(expected, {row.begin(), row.end()});
      double largest = 0;
      for (const double v : y) largest = std::max(largest, std::abs(v));
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double tolerance = reference::tolerance(rounded[i], largest);
        ASSERT_NEAR(c.y.row(r)[i], y[i], tolerance) << "row " << r << ", entry " << i;
        ASSERT_LT(tolerance, 1e-4 * std::max(1.0, largest)) << "too loose to be a test";
      }
    }
  }
}

TEST(TokenMlp, TakesInputGradientsBeforeTheWeightsChange) {
  constexpr double rate = 0.1;
  constexpr double decay = 0.3;
  const Shape s{150, 9, 133};
  Case plain(s);
  std::vector<Tensor> gradients(plain.mlp.parameters().size());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    test::set_gradient(*plain.mlp.parameters()[i], gradients[i]);
  }
  plain.forward();
  plain.backward();

  Case stepped(s);
  for (Parameter* p : stepped.mlp.parameters()) test::set_step(*p, rate, decay);
  stepped.forward();
  stepped.backward();
  EXPECT_TRUE(test::same_bits(plain.dx, stepped.dx));
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& before = plain.mlp.parameters()[i]->value;
    const Tensor& after = stepped.mlp.parameters()[i]->value;
    double largest = 0;
    for (const Real g : gradients[i].values()) largest = std::max(largest, std::abs(double{g}));
    for (std::int64_t k = 0; k < before.size(); ++k) {
      // The terms of a gradient are not known here; they cancel to a tenth at most.
      const auto step =
          test::exact_step(before[k], rate, decay, s.rows, gradients[i][k], 10 * largest);
      ASSERT_NEAR(after[k], step.value, step.tolerance)
          << plain.mlp.parameters()[i]->name << ' ' << k;
    }
  }
}

TEST(TokenMlp, HasTheSameBitsForAnyNumberOfWorkers) {
  for (const Shape& s : {Shape{70, 65, 300}, {700, 22, 140}}) {
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Case c(s);
      for (Parameter* p : c.mlp.parameters()) test::set_step(*p, 0.1, 0.3);
      c.forward(workers);
      c.backward(workers);
      auto all = test::tensors(c.y, c.dx, c.activations.dh1, c.activations.dh2);
      for (Parameter* p : c.mlp.parameters()) all.push_back(std::move(p->value));
      return all;
    });
  }
}

#ifdef ICL_REAL_DOUBLE

TEST(TokenMlp, BackwardIsTheDerivativeOfForward) {
  constexpr auto gelu = config::ActFn::gelu_new;
  for (const Shape& s : {Shape{1, 2, 3},
                         {35, 9, 17},
                         {3, 131, 5},
                         {130, 5, 4},
                         {35, 9, 17, 2},
                         {35, 9, 17, 1},
                         {35, 9, 17, 3, gelu},
                         {130, 5, 4, 2, gelu}}) {
    Case c(s);
    test::GradientCheck check(7);
    for (Parameter* p : c.mlp.parameters()) check.parameter(*p);
    check.variable("x", c.x.values(), c.dx.values());
    check.output(c.y.values(), c.dy.values());
    if (s.f == config::ActFn::relu) {
      check.relu(c.activations.h1.values());
      check.relu(c.activations.h2.values());
    }
    EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }))
        << s.rows << ' ' << s.width << ' ' << s.hidden << ' ' << s.layers;
  }
}

TEST(TokenMlp, HeldRelusLeaveItAsItIsAndAreFollowedBackwards) {
  Case c({135, 9, 17});
  c.forward();
  const Tensor free = c.y.clone();
  c.activations.hold();
  c.forward();
  EXPECT_TRUE(test::same_bits(c.y, free));
  test::fill_normal(c.x.values(), 77, 1.0);
  c.forward();
  bool negative = false;
  for (const double h : c.activations.h1.values()) negative = negative || h < 0;
  EXPECT_TRUE(negative) << "the ReLUs are as they would be anyway";
  test::GradientCheck check(7);
  for (Parameter* p : c.mlp.parameters()) check.parameter(*p);
  check.variable("x", c.x.values(), c.dx.values());
  check.output(c.y.values(), c.dy.values());
  EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); }));
}

#endif

}  // namespace
}  // namespace icl::nn
