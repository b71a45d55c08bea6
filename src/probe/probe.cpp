#include "icl/probe/probe.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace icl::probe {

const Probe& probe_of(config::ProbeName name) {
#define ICL_ROW(name, ...) &probes::name,
  static constexpr std::array all{ICL_PROBES(ICL_ROW)};
#undef ICL_ROW
  return *all.at(static_cast<std::size_t>(name));
}

bool reads_update(const config::Config& config) {
  return std::ranges::any_of(config::probes_of(config),
                             [](config::ProbeName name) { return probe_of(name).reads_update; });
}

double mean(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

Spread spread(std::span<const double> x) {
  const double center = mean(x);
  double squares = 0;
  for (const double v : x) squares += (v - center) * (v - center);
  return {center, std::sqrt(squares / static_cast<double>(x.size()))};
}

}  // namespace icl::probe
