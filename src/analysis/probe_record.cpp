#include "icl/analysis/probe_record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "probe_columns.hpp"

namespace icl::analysis {
namespace {

template <class Value>
std::optional<std::string> differs(const char* words, const Value& there, const Value& here) {
  if (there == here) return std::nullopt;
  return fmt::format("the {} is {} there and {} here", words, there, here);
}

}  // namespace

std::vector<curvature::Langevin> settings_of(const ProbeRequest& request) {
  const CoefficientRequest& r = *request.coefficient;
  std::vector<curvature::Langevin> all;
  all.reserve(r.steps.size() * r.localisations.size());
  for (const double step : r.steps) {
    for (const double localisation : r.localisations) {
      all.push_back({.step = step,
                     .localisation = localisation,
                     .inverse_temperature = r.inverse_temperature,
                     .burn_in = r.burn_in,
                     .draws = r.draws,
                     .chains = r.chains,
                     .seed = r.seed});
    }
  }
  return all;
}

std::optional<std::string> difference(const ProbeRecord& there, const ProbeRecord& here) {
  ProbeRequest a = there.request;
  ProbeRequest b = here.request;
  if (auto found = differs("run", there.run_hash, here.run_hash)) return found;
  for (const Setting& setting : settings) {
    const std::int64_t* first = setting.of(a);
    const std::int64_t* second = setting.of(b);
    if (first == nullptr || second == nullptr) continue;
    if (auto found = differs(setting.words, *first, *second)) return found;
  }
  if (a.curvature && b.curvature) {
    auto found = differs("tolerance", a.curvature->tolerance, b.curvature->tolerance);
    if (found) return found;
  }
  if (!a.coefficient || !b.coefficient) return std::nullopt;
  const CoefficientRequest& x = *a.coefficient;
  const CoefficientRequest& y = *b.coefficient;
  if (auto found = differs("list of steps of the chains (epsilon)", x.steps, y.steps)) return found;
  if (auto found = differs("list of localisations (gamma)", x.localisations, y.localisations)) {
    return found;
  }
  return differs("inverse temperature", x.inverse_temperature, y.inverse_temperature);
}

}  // namespace icl::analysis
