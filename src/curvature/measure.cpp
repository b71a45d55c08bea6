#include "icl/curvature/measure.hpp"

#include <cmath>
#include <cstddef>
#include <utility>

namespace icl::curvature {

Curvature measure_curvature(Loss& loss, std::span<const double> w,
                            const std::vector<Circuit>& circuits, const CurvatureOptions& options) {
  const Workers& workers = loss.workers();
  const auto n = static_cast<double>(loss.sequences());
  Curvature found;
  found.circuits.resize(circuits.size());
  loss.free_relus();
  const auto moments = loss.moments(w, circuits);
  Vector g(w.size());
  found.loss = loss.gradient(w, g);

  loss.hold_relus(w);
  const Gradient gradient = [&](std::span<const double> at, std::span<double> out) {
    return loss.gradient(at, out);
  };
  const Product h = hessian(gradient, w, workers);
  const Product f = [&](std::span<const double> v, std::span<double> out) {
    loss.fisher_product(w, v, out);
  };
  const Product rest = [&, fv = Vector(w.size())](std::span<const double> v,
                                                  std::span<double> out) mutable {
    f(v, fv);
    h(v, out);
    add(out, -1, fv, out, workers);
  };
  const auto rests = traces(rest, circuits, loss.size(), options.trace_samples, options.seed);
  const Lanczos lanczos{options.eigenvalues, options.tolerance, options.most, options.seed};
  for (std::size_t c = 0; c < circuits.size(); ++c) {
    const Circuit& circuit = circuits[c];
    CircuitCurvature& of = found.circuits[c];
    of.hessian =
        top_eigenvalues(block_of(h, circuit, loss.size()), circuit.size(), lanczos, workers);
    of.fisher =
        top_eigenvalues(block_of(f, circuit, loss.size()), circuit.size(), lanczos, workers);
    of.fisher_trace = moments[c].fisher_trace;
    of.hessian_trace = {of.fisher_trace + rests[c].value, rests[c].error};
    const double square = dot_within(circuit, g, g);
    of.gradient_norm = std::sqrt(square);
    of.noise_trace = (moments[c].square - square) * n / (n - 1);
  }
  loss.free_relus();
  return found;
}

std::vector<std::vector<Vector>> sample_losses(const icl_precise::Sequences& sequences,
                                               std::int64_t batches, std::span<const double> w,
                                               const Circuit& all,
                                               std::span<const Langevin> settings,
                                               const Workers& workers) {
  const auto size = static_cast<std::int64_t>(sequences.answers(0).size());
  std::vector<std::unique_ptr<icl_precise::Network>> networks;
  for (const Langevin& setting : settings) {
    while (std::cmp_less(networks.size(), setting.chains)) {
      networks.push_back(sequences.network());
    }
  }
  const BatchGradient gradient = [&](std::int64_t chain, std::int64_t batch,
                                     std::span<const double> at, std::span<double> g) {
    icl_precise::Network& network = *networks[static_cast<std::size_t>(chain)];
    const auto z = network.forward(batch, 0, size, at);
    Vector dz(z.size());
    const double loss = logistic_loss(z, sequences.answers(batch), dz);
    network.backward(dz, g);
    return loss;
  };
  std::vector<std::vector<Vector>> losses;
  losses.reserve(settings.size());
  for (const Langevin& setting : settings) {
    losses.push_back(langevin_losses(gradient, batches, w, all, setting, workers));
  }
  return losses;
}

}  // namespace icl::curvature
