#include "icl/nn/readout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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
  std::int64_t batch, in;
};

// Around the tiles of 32 sequences and of 128 inputs, and around the 16 lanes of a sum.
const Shape shapes[] = {{1, 1}, {31, 15}, {32, 16}, {33, 17}, {37, 131}, {70, 300}};

Readout make_readout(const Shape& s, std::uint64_t seed = 1) {
  Readout layer("readout", s.in, "in");
  test::fill_normal(layer.weight.value.values(), seed);
  test::fill_normal(layer.bias.value.values(), seed + 1);
  return layer;
}

Tensor relu(const Tensor& p) {
  Tensor h = p.clone();
  for (Real& v : h.values()) v = v < 0 ? 0 : v;
  return h;
}

TEST(Readout, NamesItsParameters) {
  const Readout layer("mlp.4", 3, "hidden2");
  EXPECT_EQ(layer.weight.name, "mlp.4.weight");
  EXPECT_EQ(layer.bias.name, "mlp.4.bias");
  EXPECT_EQ(layer.weight.axes, (std::vector<std::string>{"output", "hidden2"}));
  EXPECT_EQ(layer.bias.axes, (std::vector<std::string>{"output"}));
  EXPECT_TRUE(std::ranges::equal(layer.weight.value.shape(), std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(layer.weight.group, Group::mlp);
  EXPECT_EQ(layer.bias.group, Group::mlp);
}

TEST(Readout, ForwardIsTheDotProductPlusBias) {
  for (const Shape& s : shapes) {
    const Readout layer = make_readout(s);
    const Tensor h = relu(normal_tensor({s.batch, s.in}, 3));
    Tensor z({s.batch});
    layer.forward(s.batch, h, z, Workers(1));
    for (std::int64_t b = 0; b < s.batch; ++b) {
      double expected = layer.bias.value[0];
      double magnitude = std::abs(expected);
      for (std::int64_t i = 0; i < s.in; ++i) {
        const double term = static_cast<double>(h.row(b)[i]) * layer.weight.value[i];
        expected += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(z[b], expected, sum_tolerance(s.in, magnitude)) << s.batch << ' ' << s.in;
    }
  }
}

TEST(Readout, StepThroughTheSinksIsGradientThenStep) {
  constexpr double rate = 0.01;
  const Shape s{37, 131};
  const Tensor h = relu(normal_tensor({s.batch, s.in}, 3));
  const Tensor dz = normal_tensor({s.batch}, 4);
  for (const double decay : {0.0, 0.3}) {
    Readout layer = make_readout(s);
    const Tensor w = layer.weight.value.clone();
    const double bias = layer.bias.value[0];
    test::set_step(layer.weight, rate, decay);
    test::set_step(layer.bias, rate, decay);
    layer.backward_parameters(s.batch, h, dz, Workers(1));
    double db = 0, db_magnitude = 0;
    for (const Real d : dz.values()) {
      db += d;
      db_magnitude += std::abs(d);
    }
    const auto b_step = test::exact_step(bias, rate, decay, s.batch, db, db_magnitude);
    EXPECT_NEAR(layer.bias.value[0], b_step.value, b_step.tolerance);
    for (std::int64_t i = 0; i < s.in; ++i) {
      double dw = 0, dw_magnitude = 0;
      for (std::int64_t b = 0; b < s.batch; ++b) {
        const double term = static_cast<double>(dz[b]) * h.row(b)[i];
        dw += term;
        dw_magnitude += std::abs(term);
      }
      const auto w_step = test::exact_step(w[i], rate, decay, s.batch, dw, dw_magnitude);
      ASSERT_NEAR(layer.weight.value[i], w_step.value, w_step.tolerance);
    }
  }
}

TEST(Readout, HasTheSameBitsForAnyNumberOfWorkers) {
  for (const Shape& s : shapes) {
    const Tensor h = relu(normal_tensor({s.batch, s.in}, 3));
    const Tensor dz = normal_tensor({s.batch}, 4);
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Readout layer = make_readout(s);
      test::set_step(layer.weight, 0.1, 0.3);
      test::set_step(layer.bias, 0.1, 0.3);
      Tensor z({s.batch}), dh({s.batch, s.in});
      layer.forward(s.batch, h, z, workers);
      layer.backward_input(s.batch, dz, h, dh, workers);
      layer.backward_parameters(s.batch, h, dz, workers);
      return test::tensors(z, dh, layer.weight.value, layer.bias.value);
    });
  }
}

#ifdef ICL_REAL_DOUBLE

// z = w relu(p) + b: backward_input always goes through the ReLU.
TEST(Readout, BackwardIsTheDerivativeOfForward) {
  for (const Shape& s : {Shape{1, 1}, {31, 15}, {33, 17}, {2, 131}, {65, 6}, {3, 300}}) {
    Readout layer = make_readout(s);
    Tensor p = normal_tensor({s.batch, s.in}, 3);
    Tensor h({s.batch, s.in}), dp({s.batch, s.in}), z({s.batch}), dz({s.batch});
    test::GradientCheck check(7);
    check.variable("p", p.values(), dp.values());
    check.parameter(layer.weight);
    check.parameter(layer.bias);
    check.output(z.values(), dz.values());
    check.relu(h.values());
    const Workers workers(1);
    EXPECT_TRUE(check.run(
        [&] {
          std::ranges::copy(relu(p).values(), h.data());
          layer.forward(s.batch, h, z, workers);
        },
        [&] {
          layer.backward_input(s.batch, dz, h, dp, workers);
          layer.backward_parameters(s.batch, h, dz, workers);
        }))
        << s.batch << ' ' << s.in;
  }
}

#endif

}  // namespace
}  // namespace icl::nn
