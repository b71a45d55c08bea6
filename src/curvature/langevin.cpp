#include "icl/curvature/langevin.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "icl/core/random.hpp"

namespace icl::curvature {
namespace {

/// Where a chain stands.
struct Chain {
  Vector w, g;
  std::vector<float> noise;
};

void move(const Langevin& options, std::span<const double> origin, const Circuit& free,
          Chain& chain) {
  const double root = std::sqrt(options.step);
  const double half = options.step / 2;
  std::size_t n = 0;
  for (const Tile& part : free.parts) {
    for (auto i = static_cast<std::size_t>(part.first); std::cmp_less(i, part.end()); ++i) {
      const double drift = std::fma(options.localisation, chain.w[i] - origin[i],
                                    options.inverse_temperature * chain.g[i]);
      chain.w[i] += std::fma(-half, drift, root * static_cast<double>(chain.noise[n]));
      ++n;
    }
  }
}

}  // namespace

std::vector<Vector> langevin_losses(const BatchGradient& gradient, std::int64_t batches,
                                    std::span<const double> w, const Circuit& free,
                                    const Langevin& options, const Workers& workers) {
  const std::int64_t steps = options.burn_in + options.draws;
  const auto count = static_cast<std::size_t>(options.chains);
  std::vector<Vector> losses(count, Vector(static_cast<std::size_t>(steps)));
  std::vector<Chain> chains(count);
  for (Chain& chain : chains) {
    chain.w.assign(w.begin(), w.end());
    chain.g.resize(w.size());
    chain.noise.resize(static_cast<std::size_t>(free.size()));
  }
  for (std::int64_t t = 0; t < steps; ++t) {
    workers.for_each(options.chains, [&](std::int64_t c) {
      Chain& chain = chains[static_cast<std::size_t>(c)];
      losses[static_cast<std::size_t>(c)][static_cast<std::size_t>(t)] =
          gradient(c, (c + t) % batches, chain.w, chain.g);
      Stream(options.seed, Purpose::langevin_noise, static_cast<std::uint64_t>(t),
             static_cast<std::uint64_t>(c))
          .normals(chain.noise);
      move(options, w, free, chain);
    });
  }
  return losses;
}

Coefficient learning_coefficient(const std::vector<Vector>& losses, double baseline,
                                 const Langevin& options) {
  Coefficient found;
  found.chains.reserve(losses.size());
  const auto n = static_cast<double>(losses.size());
  for (const Vector& loss : losses) {
    double sum = 0;
    for (auto t = static_cast<std::size_t>(options.burn_in); t < loss.size(); ++t) {
      sum += loss[t] - baseline;
    }
    found.chains.push_back(options.inverse_temperature * sum / static_cast<double>(options.draws));
    found.value += found.chains.back() / n;
  }
  double squares = 0;
  for (const double x : found.chains) squares += (x - found.value) * (x - found.value);
  found.error = losses.size() > 1 ? std::sqrt(squares / (n - 1) / n)
                                  : std::numeric_limits<double>::quiet_NaN();
  return found;
}

}  // namespace icl::curvature
