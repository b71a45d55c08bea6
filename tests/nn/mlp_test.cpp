#include "icl/nn/mlp.hpp"

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
  std::int64_t batch, in, hidden;
};

/// Parameters of a size at which no layer's signal dies out.
Mlp make_mlp(const Shape& s) {
  Mlp mlp("mlp", s.in, s.hidden, "token");
  std::uint64_t seed = 1;
  for (Parameter* p : mlp.parameters()) {
    const double fan_in = p->axes.size() == 2 ? static_cast<double>(p->value.extent(1)) : 4;
    test::fill_normal(p->value.values(), seed++, std::sqrt(2 / fan_in));
  }
  return mlp;
}

TEST(Mlp, NamesItsParametersAsATorchSequential) {
  Mlp mlp("mlp", 5, 3, "token");
  std::vector<std::string> names;
  for (const Parameter* p : mlp.parameters()) names.push_back(p->name);
  EXPECT_EQ(names, (std::vector<std::string>{"mlp.0.weight", "mlp.0.bias", "mlp.2.weight",
                                             "mlp.2.bias", "mlp.4.weight", "mlp.4.bias"}));
}

TEST(Mlp, ForwardAgreesWithTheReference) {
  for (const Shape& s : {Shape{1, 1, 1}, {5, 9, 17}, {35, 20, 133}}) {
    Mlp mlp = make_mlp(s);
    const auto p = mlp.parameters();
    const auto wide = [&](std::size_t i) { return reference::widen(p[i]->value); };
    const reference::Mlp expected{wide(0), wide(1), wide(2), wide(3), wide(4), wide(5)};
    const Tensor x = normal_tensor({s.batch, s.in}, 21);
    Mlp::Activations a(s.batch, s.hidden);
    Tensor z({s.batch});
    mlp.forward(s.batch, x, a, z, Workers(1));
    for (std::int64_t b = 0; b < s.batch; ++b) {
      const auto row = reference::widen(std::span<const Real>(x.row(b), std::size_t(s.in)));
      const double logit = expected.forward(row);
      const auto rounded = reference::rounded_mlp(expected, {row.begin(), row.end()});
      EXPECT_NEAR(z[b], logit, reference::tolerance(rounded, std::abs(logit)));
    }
  }
}

TEST(Mlp, TakesInputGradientsBeforeTheWeightsChange) {
  constexpr double rate = 0.1;
  constexpr double decay = 0.3;
  const Shape s{19, 9, 133};
  const Tensor x = normal_tensor({s.batch, s.in}, 21);
  const Tensor dz = normal_tensor({s.batch}, 22);
  const auto backward = [&](Mlp& mlp) {
    Mlp::Activations a(s.batch, s.hidden);
    Tensor z({s.batch}), dx({s.batch, s.in});
    mlp.forward(s.batch, x, a, z, Workers(1));
    mlp.backward(s.batch, x, a, dz, dx, Workers(1));
    return dx;
  };

  Mlp plain = make_mlp(s);
  std::vector<Tensor> gradients(plain.parameters().size());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    test::set_gradient(*plain.parameters()[i], gradients[i]);
  }
  const Tensor dx = backward(plain);

  Mlp stepped = make_mlp(s);
  for (Parameter* p : stepped.parameters()) test::set_step(*p, rate, decay);
  EXPECT_TRUE(test::same_bits(dx, backward(stepped)));
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& before = plain.parameters()[i]->value;
    const Tensor& after = stepped.parameters()[i]->value;
    double largest = 0;
    for (const Real g : gradients[i].values()) largest = std::max(largest, std::abs(double{g}));
    for (std::int64_t k = 0; k < before.size(); ++k) {
      // The terms of a gradient are not known here; they cancel to a tenth at most.
      const auto step =
          test::exact_step(before[k], rate, decay, s.batch, gradients[i][k], 10 * largest);
      ASSERT_NEAR(after[k], step.value, step.tolerance) << plain.parameters()[i]->name << ' ' << k;
    }
  }
}

TEST(Mlp, HasTheSameBitsForAnyNumberOfWorkers) {
  const Shape s{70, 131, 300};
  const Tensor x = normal_tensor({s.batch, s.in}, 21);
  const Tensor dz = normal_tensor({s.batch}, 22);
  test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
    Mlp mlp = make_mlp(s);
    for (Parameter* p : mlp.parameters()) test::set_step(*p, 0.1, 0.3);
    Mlp::Activations a(s.batch, s.hidden);
    Tensor z({s.batch}), dx({s.batch, s.in});
    mlp.forward(s.batch, x, a, z, workers);
    mlp.backward(s.batch, x, a, dz, dx, workers);
    auto all = test::tensors(z, dx, a.h1, a.h2, a.dh1, a.dh2);
    for (Parameter* p : mlp.parameters()) all.push_back(std::move(p->value));
    return all;
  });
}

#ifdef ICL_REAL_DOUBLE

TEST(Mlp, BackwardIsTheDerivativeOfForward) {
  for (const Shape& s : {Shape{1, 2, 3}, {35, 9, 17}, {3, 131, 20}, {4, 5, 133}}) {
    Mlp mlp = make_mlp(s);
    Mlp::Activations a(s.batch, s.hidden);
    Tensor x = normal_tensor({s.batch, s.in}, 21);
    Tensor dx({s.batch, s.in}), z({s.batch}), dz({s.batch});
    test::GradientCheck check(7);
    for (Parameter* p : mlp.parameters()) check.parameter(*p);
    check.variable("x", x.values(), dx.values());
    check.output(z.values(), dz.values());
    check.relu(a.h1.values());
    check.relu(a.h2.values());
    const Workers workers(1);
    EXPECT_TRUE(check.run([&] { mlp.forward(s.batch, x, a, z, workers); },
                          [&] { mlp.backward(s.batch, x, a, dz, dx, workers); }))
        << s.batch << ' ' << s.in << ' ' << s.hidden;
  }
}

TEST(Mlp, HeldRelusLeaveItAsItIsAndMakeItSmooth) {
  const Shape s{7, 9, 33};
  Mlp mlp = make_mlp(s);
  Mlp::Activations a(s.batch, s.hidden);
  Tensor x = normal_tensor({s.batch, s.in}, 21);
  Tensor dx({s.batch, s.in}), z({s.batch}), dz({s.batch});
  const auto forward = [&] { mlp.forward(s.batch, x, a, z, Workers(1)); };
  Parameter& first = *mlp.parameters().front();
  // z is affine in any one weight while no ReLU switches, and over a step of 3 some do.
  const auto bend = [&] {
    const double at = first.value[4];
    double bent = 0;
    Tensor above({s.batch}), below({s.batch});
    forward();
    const Tensor here = z.clone();
    first.value[4] = at + 3;
    forward();
    std::ranges::copy(z.values(), above.data());
    first.value[4] = at - 3;
    forward();
    std::ranges::copy(z.values(), below.data());
    first.value[4] = at;
    for (std::int64_t b = 0; b < s.batch; ++b) {
      bent = std::max(bent, std::abs(above[b] + below[b] - 2 * here[b]));
    }
    return bent;
  };
  EXPECT_GT(bend(), 0.1);
  forward();
  const Tensor free = z.clone();
  a.hold();
  forward();
  EXPECT_TRUE(test::same_bits(z, free));
  EXPECT_LT(bend(), 1e-12);

  // Far from where they were held, the gradients are those of what is computed.
  test::fill_normal(x.values(), 77, 1.0);
  test::GradientCheck check(7);
  for (Parameter* p : mlp.parameters()) check.parameter(*p);
  check.variable("x", x.values(), dx.values());
  check.output(z.values(), dz.values());
  EXPECT_TRUE(check.run(forward, [&] { mlp.backward(s.batch, x, a, dz, dx, Workers(1)); }));
}

#endif

}  // namespace
}  // namespace icl::nn
