#include "icl/nn/linear.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/rounding.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

using test::normal_tensor;
using test::sum_tolerance;

struct Shape {
  std::int64_t batch, in, out;
};

// One tile, exactly one tile, several tiles with a remainder; remainders of the SIMD and BLAS
// kernels.
const Shape shapes[] = {{1, 1, 1},   {3, 2, 5},     {4, 7, 128},
                        {2, 129, 3}, {19, 21, 131}, {5, 263, 290}};

Linear make_linear(const Shape& s, std::uint64_t seed = 1) {
  Linear layer("layer", s.in, s.out, "in", "out");
  test::fill_normal(layer.weight.value.values(), seed);
  test::fill_normal(layer.bias.value.values(), seed + 1);
  return layer;
}

TEST(Linear, NamesItsParameters) {
  const Linear layer("mlp.0", 3, 5, "token", "hidden1");
  EXPECT_EQ(layer.weight.name, "mlp.0.weight");
  EXPECT_EQ(layer.bias.name, "mlp.0.bias");
  EXPECT_EQ(layer.weight.axes, (std::vector<std::string>{"hidden1", "token"}));
  EXPECT_EQ(layer.bias.axes, (std::vector<std::string>{"hidden1"}));
  EXPECT_EQ(layer.weight.group, Group::mlp);
  EXPECT_EQ(layer.bias.group, Group::mlp);
}

TEST(Linear, ForwardIsTheMatrixProductPlusBias) {
  for (const Shape& s : shapes) {
    const Linear layer = make_linear(s);
    const Tensor x = normal_tensor({s.batch, s.in}, 3);
    for (const Activation f : {Activation::none, Activation::relu}) {
      Tensor h({s.batch, s.out});
      test::fill_normal(h.values(), 9);  // must be overwritten
      layer.forward(s.batch, x, h, f, Workers(1));
      for (std::int64_t b = 0; b < s.batch; ++b) {
        for (std::int64_t o = 0; o < s.out; ++o) {
          double z = layer.bias.value[o];
          double magnitude = std::abs(z);
          for (std::int64_t i = 0; i < s.in; ++i) {
            const double term = static_cast<double>(x.row(b)[i]) * layer.weight.value.row(o)[i];
            z += term;
            magnitude += std::abs(term);
          }
          if (f == Activation::relu) z = std::max(z, 0.0);
          ASSERT_NEAR(h.row(b)[o], z, sum_tolerance(s.in, magnitude)) << b << ' ' << o;
        }
      }
    }
  }
}

TEST(Linear, ReluCutsNegatives) {
  Linear layer("layer", 1, 2, "in", "out");
  layer.weight.value[0] = 1;
  layer.weight.value[1] = -1;
  const Real x = 3;
  Tensor h({1, 2});
  layer.forward(1, {&x, 1, 1}, h, Activation::relu, Workers(1));
  EXPECT_EQ(h[0], 3);
  EXPECT_EQ(h[1], 0);
}

TEST(Linear, ReluPassesNan) {
  const Shape s{3, 6, 140};
  Linear layer = make_linear(s);
  Tensor x = normal_tensor({s.batch, s.in}, 3);
  Tensor clean({s.batch, s.out});
  Tensor h({s.batch, s.out});
  layer.forward(s.batch, x, clean, Activation::relu, Workers(1));
  x.row(1)[2] = std::numeric_limits<Real>::quiet_NaN();
  layer.forward(s.batch, x, h, Activation::relu, Workers(1));
  for (std::int64_t o = 0; o < s.out; ++o) {
    EXPECT_EQ(h.row(0)[o], clean.row(0)[o]);
    EXPECT_TRUE(std::isnan(h.row(1)[o]));
    EXPECT_EQ(h.row(2)[o], clean.row(2)[o]);
  }
  layer.bias.value[139] = std::numeric_limits<Real>::quiet_NaN();
  layer.forward(s.batch, x, h, Activation::relu, Workers(1));
  EXPECT_TRUE(std::isnan(h.row(0)[139]));
}

TEST(Linear, StepThroughTheSinksIsGradientThenStep) {
  constexpr double rate = 0.01;
  const Shape s{19, 37, 150};
  const Tensor x = normal_tensor({s.batch, s.in}, 3);
  const Tensor dz = normal_tensor({s.batch, s.out}, 4);
  for (const double decay : {0.0, 0.3}) {
    Linear layer = make_linear(s);
    const Tensor w = layer.weight.value.clone();
    const Tensor bias = layer.bias.value.clone();
    test::set_step(layer.weight, rate, decay);
    test::set_step(layer.bias, rate, decay);
    layer.backward_parameters(s.batch, x, dz, Workers(1));
    for (std::int64_t o = 0; o < s.out; ++o) {
      double db = 0, db_magnitude = 0;
      for (std::int64_t b = 0; b < s.batch; ++b) {
        db += dz.row(b)[o];
        db_magnitude += std::abs(dz.row(b)[o]);
      }
      const auto b_step = test::exact_step(bias[o], rate, decay, s.batch, db, db_magnitude);
      ASSERT_NEAR(layer.bias.value[o], b_step.value, b_step.tolerance);
      for (std::int64_t i = 0; i < s.in; ++i) {
        double dw = 0, dw_magnitude = 0;
        for (std::int64_t b = 0; b < s.batch; ++b) {
          const double term = static_cast<double>(dz.row(b)[o]) * x.row(b)[i];
          dw += term;
          dw_magnitude += std::abs(term);
        }
        const auto w_step = test::exact_step(w.row(o)[i], rate, decay, s.batch, dw, dw_magnitude);
        ASSERT_NEAR(layer.weight.value.row(o)[i], w_step.value, w_step.tolerance);
      }
    }
  }
}

TEST(Linear, HasTheSameBitsForAnyNumberOfWorkers) {
  for (const Shape& s : shapes) {
    const Tensor x = normal_tensor({s.batch, s.in}, 3);
    const Tensor dz = normal_tensor({s.batch, s.out}, 4);
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Linear layer = make_linear(s);
      test::set_step(layer.weight, 0.1, 0.3);
      test::set_step(layer.bias, 0.1, 0.3);
      Tensor h({s.batch, s.out}), dx({s.batch, s.in});
      layer.forward(s.batch, x, h, Activation::relu, workers);
      layer.backward_input(s.batch, dz, x, dx, workers);
      layer.backward_parameters(s.batch, x, dz, workers);
      return test::tensors(h, dx, layer.weight.value, layer.bias.value);
    });
  }
}

#ifdef ICL_REAL_DOUBLE

TEST(Linear, BackwardIsTheDerivativeOfForward) {
  for (const Shape& s :
       {Shape{1, 1, 1}, {3, 2, 5}, {4, 7, 128}, {2, 129, 3}, {19, 5, 131}, {5, 137, 6}}) {
    Linear layer = make_linear(s);
    Tensor x = normal_tensor({s.batch, s.in}, 3);
    Tensor dx({s.batch, s.in}), h({s.batch, s.out}), dh({s.batch, s.out});
    test::GradientCheck check(7);
    check.parameter(layer.weight);
    check.parameter(layer.bias);
    check.variable("x", x.values(), dx.values());
    check.output(h.values(), dh.values());
    const Workers workers(1);
    EXPECT_TRUE(check.run([&] { layer.forward(s.batch, x, h, Activation::none, workers); },
                          [&] {
                            layer.backward_input(s.batch, dh, {}, dx, workers);
                            layer.backward_parameters(s.batch, x, dh, workers);
                          }))
        << s.batch << ' ' << s.in << ' ' << s.out;
  }
}

// h = W relu(p) + b: with x = relu(p) as relu_output, backward_input goes through that ReLU too.
TEST(Linear, BackwardGoesThroughTheReluBefore) {
  for (const Shape& s : {Shape{3, 7, 5}, {19, 131, 9}}) {
    Linear layer = make_linear(s);
    Tensor p = normal_tensor({s.batch, s.in}, 3);
    Tensor x({s.batch, s.in}), dp({s.batch, s.in}), h({s.batch, s.out}), dh({s.batch, s.out});
    test::GradientCheck check(8);
    check.variable("p", p.values(), dp.values());
    check.parameter(layer.weight);
    check.output(h.values(), dh.values());
    check.relu(x.values());
    Tensor unused;
    test::set_gradient(layer.bias, unused);
    const Workers workers(1);
    EXPECT_TRUE(check.run(
        [&] {
          for (std::int64_t i = 0; i < p.size(); ++i) x[i] = p[i] < 0 ? 0 : p[i];
          layer.forward(s.batch, x, h, Activation::none, workers);
        },
        [&] {
          layer.backward_input(s.batch, dh, x, dp, workers);
          layer.backward_parameters(s.batch, x, dh, workers);
        }));
  }
}

#endif

}  // namespace
}  // namespace icl::nn
