#include "icl/nn/layer_norm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/random.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::nn {
namespace {

struct Case {
  Case(std::int64_t rows, std::int64_t width)
      : norm("ln1", width, "d_model"),
        activations(rows, width),
        x(test::normal_tensor({rows, width}, 21)),
        dx({rows, width}),
        y({rows, width}),
        dy(test::normal_tensor({rows, width}, 22)) {
    test::fill_normal(norm.gain.value.values(), 1, 0.3, 1);
    test::fill_normal(norm.bias.value.values(), 2, 0.5);
  }
  void forward(const Workers& workers = Workers(1)) {
    norm.forward(x.extent(0), x, activations, y, workers);
  }
  /// dx begins at 0: what backward adds is all there is.
  void backward(const Workers& workers = Workers(1)) {
    std::ranges::fill(dx.values(), Real{0});
    norm.backward(x.extent(0), activations, dy, dx, workers);
  }

  LayerNorm norm;
  LayerNorm::Activations activations;
  Tensor x, dx, y, dy;
};

TEST(LayerNorm, HasMeanBiasAndVarianceGainSquared) {
  Case c(70, 33);
  c.norm.initialise();
  for (Real& v : c.x.values()) v = 3 + 5 * v;
  c.forward();
  for (std::int64_t r = 0; r < 70; ++r) {
    double sum = 0;
    double squares = 0;
    double of_x = 0;
    double squares_of_x = 0;
    for (std::int64_t i = 0; i < 33; ++i) {
      sum += double{c.y.row(r)[i]} / 33;
      squares += double{c.y.row(r)[i]} * c.y.row(r)[i] / 33;
      of_x += double{c.x.row(r)[i]} / 33;
      squares_of_x += double{c.x.row(r)[i]} * c.x.row(r)[i] / 33;
    }
    const double variance = squares_of_x - of_x * of_x;
    EXPECT_NEAR(sum, 0, 1e-6);
    EXPECT_NEAR(squares, variance / (variance + 1e-5), 1e-5);
  }
}

TEST(LayerNorm, HasTheSameBitsForAnyNumberOfWorkers) {
  test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
    Case c(200, 70);
    for (Parameter* p : c.norm.parameters()) test::set_step(*p, 0.1, 0.3);
    c.forward(workers);
    c.backward(workers);
    return test::tensors(c.y, c.dx, c.norm.gain.value, c.norm.bias.value);
  });
}

#ifdef ICL_REAL_DOUBLE

TEST(LayerNorm, BackwardIsTheDerivativeOfForward) {
  for (const auto& [rows, width] : {std::pair(1, 3), {5, 7}, {130, 4}, {3, 40}}) {
    Case c(rows, width);
    test::GradientCheck check(7);
    for (Parameter* p : c.norm.parameters()) check.parameter(*p);
    check.variable("x", c.x.values(), c.dx.values());
    check.output(c.y.values(), c.dy.values());
    EXPECT_TRUE(check.run([&] { c.forward(); }, [&] { c.backward(); })) << rows << ' ' << width;
  }
}

TEST(LayerNorm, AddsToWhatIsThere) {
  Case c(5, 7);
  Tensor gradient;
  test::set_gradient(c.norm.gain, gradient);
  Tensor other;
  test::set_gradient(c.norm.bias, other);
  c.forward();
  c.backward();
  const Tensor alone = c.dx.clone();
  std::ranges::fill(c.dx.values(), 2.0);
  c.norm.backward(5, c.activations, c.dy, c.dx, Workers(1));
  for (std::int64_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(c.dx[i], alone[i] + 2, 1e-14);
}

#endif

}  // namespace
}  // namespace icl::nn
