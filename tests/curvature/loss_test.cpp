#include "icl/curvature/loss.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "icl/config/system.hpp"
#include "icl/config/toml.hpp"
#include "icl/curvature/measure.hpp"
#include "icl/model/model.hpp"
#include "support/models.hpp"

namespace icl::curvature {
namespace {

config::Config small(config::System system = config::System::one_layer) {
  config::Config config;
  config.model.system = system;
  config.model.hidden = 7;
  config.data.K = 16;
  config.data.N = 5;
  config.data.D = 4;
  return config;
}

/// A loss over 12 sequences at the weights that a seed draws, somewhat enlarged.
struct Case {
  explicit Case(const config::Config& config, int threads = 2)
      : sequences(icl_precise::make_sequences({.config = config::to_toml(config),
                                               .training = {},
                                               .novel = {},
                                               .batches = 3,
                                               .batch_size = 4})),
        loss(*sequences, 3, 4, Workers(threads)) {
    const auto model = model::make_model(config);
    model->initialise(5);
    std::vector<NamedTensor> tensors;
    for (const nn::Parameter* p : model->parameters()) {
      tensors.push_back({p->name, p->value.size(), !p->frozen});
      for (const Real x : p->value.values()) w.push_back(2.0 * x);
    }
    circuits = circuits_of(tensors);
  }
  /// The Hessian, a column at a time, with the ReLUs held or not.
  [[nodiscard]] std::vector<Vector> hessian_columns(double h) {
    std::vector<Vector> columns(w.size(), Vector(w.size()));
    Vector below(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      Vector at = w;
      at[i] = w[i] - h;
      loss.gradient(at, below);
      at[i] = w[i] + h;
      loss.gradient(at, columns[i]);
      for (std::size_t k = 0; k < w.size(); ++k)
        columns[i][k] = (columns[i][k] - below[k]) / (2 * h);
    }
    return columns;
  }

  std::unique_ptr<icl_precise::Sequences> sequences;
  Loss loss;
  Vector w;
  std::vector<Circuit> circuits;
};

const Circuit& circuit(const std::vector<Circuit>& all, std::string_view name) {
  return *std::ranges::find(all, name, &Circuit::name);
}

TEST(Loss, LogisticLossAndItsGradientHoldForAnyLogit) {
  const Vector z{0, 2, -3, 800, -800};
  const std::vector<std::int32_t> y{1, -1, -1, 1, 1};
  Vector dz(5);
  const double loss = logistic_loss(z, y, dz);
  const double expected = std::log(2) + std::log1p(std::exp(2)) + std::log1p(std::exp(-3)) + 800;
  EXPECT_NEAR(loss, expected / 5, 1e-12);
  EXPECT_DOUBLE_EQ(dz[0], -0.1);
  EXPECT_DOUBLE_EQ(dz[1], 0.2 / (1 + std::exp(-2)));
  EXPECT_EQ(dz[3], 0);
  EXPECT_DOUBLE_EQ(dz[4], -0.2);
}

TEST(Loss, CircuitsOfASystemCoverItsParameters) {
  const Case s1(small());
  EXPECT_EQ(circuit(s1.circuits, "all").size(), std::int64_t(s1.w.size()));
  EXPECT_EQ(circuit(s1.circuits, "attention").size(), 6 + 6 + 3 * 36);
  EXPECT_EQ(circuit(s1.circuits, "query_key").size(), 2 * 36);
  EXPECT_EQ(circuit(s1.circuits, "value").size(), 36);
  EXPECT_EQ(circuit(s1.circuits, "mlp").size(), 6 * 7 + 7 + 49 + 7 + 7 + 1);
  for (const Circuit& c : s1.circuits) {
    Vector whole(s1.w.size());
    scatter(c, gather(c, s1.w), whole);
    EXPECT_DOUBLE_EQ(dot_within(c, s1.w, s1.w), dot_within(c, whole, whole)) << c.name;
  }
  const Case s4(small(config::System::memoriser));
  ASSERT_EQ(s4.circuits.size(), 2);
  EXPECT_EQ(s4.circuits[1].name, "mlp");
  const Case s3(small(config::System::minimal));
  EXPECT_EQ(circuit(s3.circuits, "query_key").size(), 1);
  auto two = small(config::System::multi_layer);
  two.compat.frozen_readout = true;
  const Case s2(two);
  EXPECT_LT(circuit(s2.circuits, "all").size(), std::int64_t(s2.w.size()));
  EXPECT_EQ(circuit(s2.circuits, "value").size(), 2 * 36);
}

TEST(Loss, GradientIsTheDerivativeOfTheLossInEverySystem) {
  for (const config::SystemRow& system : config::systems) {
    Case c(small(system.system));
    c.loss.hold_relus(c.w);
    Vector g(c.w.size()), other(c.w.size());
    const double loss = c.loss.gradient(c.w, g);
    EXPECT_GT(loss, 0.1) << system.name;
    for (std::size_t i = 0; i < c.w.size(); ++i) {
      const double h = 2e-6;
      Vector at = c.w;
      at[i] = c.w[i] + h;
      const double above = c.loss.gradient(at, other);
      at[i] = c.w[i] - h;
      const double below = c.loss.gradient(at, other);
      ASSERT_NEAR(g[i], (above - below) / (2 * h), 1e-8) << system.name << ' ' << i;
    }
  }
}

// Of an epoch of 60,000 sequences a step has fewer left than a batch of 64, or begins within the
// one before.
TEST(Loss, SequencesOfAnEpochAreWholeBatchesAndNoneTwice) {
  for (const std::int64_t own : {30, 44, 1000}) {
    config::Config config = small(config::System::memoriser);
    config.data.K = 60000;
    config.train.batch_size = own;
    config.train.steps_per_epoch = (60000 + own - 1) / own;
    config.compat.s4_epoch = true;
    constexpr std::int64_t batches = 3;
    const auto sequences = icl_precise::make_sequences({.config = config::to_toml(config),
                                                        .training = {},
                                                        .novel = {},
                                                        .batches = batches,
                                                        .batch_size = 64});
    const auto network = sequences->network();
    Vector w(static_cast<std::size_t>(sequences->parameters()));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(double(i) + 1);
    std::set<double> logits;  // no two of the items have the same
    for (std::int64_t m = 0; m < batches; ++m) {
      EXPECT_EQ(sequences->answers(m).size(), 64);
      for (const double z : network->forward(m, 0, 64, w)) logits.insert(z);
    }
    EXPECT_EQ(logits.size(), batches * 64) << own;
  }
}

TEST(Loss, CurvatureAgreesWithTheFullMatrices) {
  for (const auto which :
       {config::System::one_layer, config::System::multi_layer, config::System::minimal}) {
    Case c(small(which));
    const std::string_view system = config::row_of(which).name;
    const std::size_t d = c.w.size();
    const Curvature found =
        measure_curvature(c.loss, c.w, c.circuits,
                          {.eigenvalues = 3, .trace_samples = 8, .tolerance = 1e-7, .most = 300});
    c.loss.hold_relus(c.w);
    const auto h = c.hessian_columns(1e-5);
    std::vector<Vector> f(d, Vector(d));
    for (std::size_t i = 0; i < d; ++i) {
      Vector e(d);
      e[i] = 1;
      c.loss.fisher_product(c.w, e, f[i]);
    }
    Vector g(d);
    EXPECT_DOUBLE_EQ(found.loss, c.loss.gradient(c.w, g));
    for (std::size_t k = 0; k < c.circuits.size(); ++k) {
      const Circuit& circuit = c.circuits[k];
      const CircuitCurvature& of = found.circuits[k];
      const auto check = [&](const std::vector<Vector>& matrix, const Eigenvalues& eigenvalues,
                             const char* name) {
        const Product dense = [&](std::span<const double> v, std::span<double> out) {
          for (std::size_t i = 0; i < d; ++i) out[i] = dot(matrix[i], v, Workers(1));
        };
        const auto expected =
            top_eigenvalues(block_of(dense, circuit, std::int64_t(d)), circuit.size(),
                            {.count = 3, .tolerance = 1e-9, .most = 300, .seed = 99}, Workers(1));
        ASSERT_EQ(eigenvalues.top.size(), expected.top.size());
        for (std::size_t i = 0; i < expected.top.size(); ++i) {
          EXPECT_NEAR(eigenvalues.top[i], expected.top[i], 1e-5 * (1 + std::abs(expected.top[0])))
              << system << ' ' << circuit.name << ' ' << name;
        }
      };
      check(h, of.hessian, "Hessian");
      check(f, of.fisher, "Fisher");
      double trace_h = 0, trace_f = 0;
      for (const Tile& part : circuit.parts) {
        for (auto i = std::size_t(part.first); std::cmp_less(i, part.end()); ++i) {
          trace_h += h[i][i];
          trace_f += f[i][i];
        }
      }
      EXPECT_NEAR(of.fisher_trace, trace_f, 1e-7 * trace_f) << system << ' ' << circuit.name;
      EXPECT_NEAR(of.hessian_trace.value, trace_h, 5 * of.hessian_trace.error + 1e-6)
          << system << ' ' << circuit.name;
      // z is affine in each weight of W_v and of the MLP behind it: no second derivative on the
      // diagonal.
      if (which == config::System::one_layer &&
          (circuit.name == "value" || circuit.name == "mlp")) {
        EXPECT_NEAR(trace_h, trace_f, 1e-6 * trace_f) << circuit.name;
      }
      EXPECT_NEAR(of.gradient_norm, std::sqrt(dot_within(circuit, g, g)), 1e-12);
      EXPECT_GE(of.noise_trace, 0);
    }
  }
}

// The network is linear in its readout's weights, so that there H = F, with no remainder.
TEST(Loss, HessianOfALinearNetworkIsItsFisherMatrix) {
  Case c(small(config::System::memoriser));
  const auto d = std::int64_t(c.w.size());
  const Circuit readout{"readout", {{d - 8, 8}}};
  const auto found = measure_curvature(c.loss, c.w, {readout}, {.tolerance = 1e-9});
  const CircuitCurvature& of = found.circuits.front();
  for (std::size_t i = 0; i < of.hessian.top.size(); ++i) {
    EXPECT_NEAR(of.hessian.top[i], of.fisher.top[i], 1e-8 * of.fisher.top[0]);
  }
}

TEST(Loss, NoiseTraceIsTheVarianceOfTheGradientsOfSequences) {
  Case c(small());
  const auto alone = icl_precise::make_sequences({.config = config::to_toml(small()),
                                                  .training = {},
                                                  .novel = {},
                                                  .batches = 3,
                                                  .batch_size = 4});
  Vector mean(c.w.size()), g(c.w.size());
  c.loss.gradient(c.w, mean);
  double sum = 0;
  const auto network = alone->network();
  for (std::int64_t i = 0; i < 12; ++i) {
    const auto z = network->forward(i / 4, i % 4, 1, c.w);
    Vector dz(1);
    logistic_loss(z, alone->answers(i / 4).subspan(std::size_t(i % 4), 1), dz);
    network->backward(dz, g);
    for (std::size_t k = 0; k < g.size(); ++k) sum += (g[k] - mean[k]) * (g[k] - mean[k]);
  }
  const auto found = measure_curvature(c.loss, c.w, c.circuits, {.trace_samples = 2});
  EXPECT_NEAR(found.circuits[0].noise_trace, sum / 11, 1e-9 * sum);
}

TEST(Loss, HasTheSameBitsForAnyNumberOfWorkers) {
  const auto measure = [](int threads) {
    Case c(small(), threads);
    const Curvature found = measure_curvature(c.loss, c.w, c.circuits, {.trace_samples = 3});
    Vector all{found.loss};
    for (const CircuitCurvature& of : found.circuits) {
      for (const Vector& part : {of.hessian.top, of.hessian.error, of.fisher.top}) {
        all.insert(all.end(), part.begin(), part.end());
      }
      for (const double x : {of.hessian_trace.value, of.hessian_trace.error, of.fisher_trace,
                             of.gradient_norm, of.noise_trace, of.hessian.least}) {
        all.push_back(x);
      }
    }
    const Langevin setting{.step = 1e-4,
                           .localisation = 10,
                           .inverse_temperature = 5,
                           .burn_in = 2,
                           .draws = 6,
                           .chains = 3};
    const auto losses =
        sample_losses(*c.sequences, 3, c.w, c.circuits.front(), {&setting, 1}, Workers(threads));
    for (const Vector& chain : losses.front()) {
      all.insert(all.end(), chain.begin(), chain.end());
    }
    return all;
  };
  const Vector one = measure(1);
  EXPECT_EQ(measure(2), one);
  EXPECT_EQ(measure(7), one);
}

}  // namespace
}  // namespace icl::curvature
