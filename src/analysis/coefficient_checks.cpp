#include "icl/analysis/coefficient_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <functional>

namespace icl::analysis {
namespace {

std::string of_steps(std::size_t some, std::size_t all) {
  return all == 1 ? "" : fmt::format(" at {} of {} steps", some, all);
}

/// Half of a 99 % interval of a mean over chains, in standard errors: with two chains those say
/// little.
double width_of_99_percent(std::int64_t chains) {
  return boost::math::quantile(boost::math::students_t(static_cast<double>(chains - 1)), 0.995);
}

/// The loss of a chain that ran away, if it did.
std::optional<double> runaway(const curvature::Vector& chain) {
  constexpr double most = 1e6;  // nat
  const auto at = std::ranges::find_if(chain, [](double loss) { return !(loss <= most); });
  if (at == chain.end()) return std::nullopt;
  return *at;
}

/// The largest eigenvalue of the Hessian of all parameters at a step, if it was measured.
std::optional<double> stiffest(const ProbeRecord& record, std::int64_t step) {
  const auto at = std::ranges::find(record.curvature, step, &ProbeRecord::AtStep::step);
  if (at == record.curvature.end()) return std::nullopt;
  return at->curvature.circuits.front().hessian.top.front();
}

/// What was found where: how often, and the first time in words.
struct Finding {
  std::size_t count = 0;
  std::string example;

  template <class Words>
  void add(const Words& words) {
    if (count++ == 0) example = words();
  }
};

/// What chains are held to: the settings of each, and how many standard errors are beyond chance.
struct Measure {
  explicit Measure(const ProbeRequest& request)
      : settings(settings_of(request)),
        width(width_of_99_percent(request.coefficient->chains)),
        batches(request.batches) {}

  std::vector<curvature::Langevin> settings;
  double width;
  std::int64_t batches;
};

std::optional<std::string> too_strong_a_pull(const ProbeRecord& record) {
  const CoefficientRequest& request = *record.request.coefficient;
  const double gamma = std::ranges::max(request.localisations);
  std::size_t measured = 0;
  Finding above;
  for (const ProbeRecord::Chains& one : record.coefficient) {
    const auto eigenvalue = stiffest(record, one.step);
    if (!eigenvalue) continue;
    ++measured;
    const double stiffness = request.inverse_temperature * *eigenvalue;
    if (gamma <= stiffness) continue;
    above.add([&] { return fmt::format("{:.3g} at step {}", stiffness, one.step); });
  }
  if (above.count == 0) return std::nullopt;
  return fmt::format(
      "gamma = {} is above n beta times the largest eigenvalue of the Hessian{} ({}): there the "
      "pull back is stronger than the loss, and the coefficient may be its own; see whether a "
      "smaller --llc-gamma gives the same",
      gamma, of_steps(above.count, measured), above.example);
}

std::optional<std::string> disagreement(const ProbeRecord& record, const Measure& by) {
  const auto& settings = by.settings;
  Finding differing;
  for (const ProbeRecord::Chains& one : record.coefficient) {
    std::vector<curvature::Coefficient> found;
    found.reserve(settings.size());
    for (std::size_t i = 0; i < settings.size(); ++i) {
      found.push_back(learning_coefficient(one.losses[i], one.baseline, settings[i]));
    }
    const auto end = [&](double side) {
      return [side](const curvature::Coefficient& c) { return c.value + side * c.error; };
    };
    // The two whose intervals lie farthest apart.
    const auto low = std::ranges::min_element(found, {}, end(by.width));
    const auto high = std::ranges::max_element(found, {}, end(-by.width));
    if (end(by.width)(*low) >= end(-by.width)(*high)) continue;
    const auto text = [&](auto at) {
      const curvature::Langevin& setting = settings[static_cast<std::size_t>(at - found.begin())];
      return fmt::format("{:.3g} +- {:.2g} with epsilon {} and gamma {}", at->value, at->error,
                         setting.step, setting.localisation);
    };
    differing.add([&] { return fmt::format("step {}: {}, {}", one.step, text(low), text(high)); });
  }
  if (differing.count == 0) return std::nullopt;
  return fmt::format(
      "the coefficients of the sweep differ by more than their errors{} ({}): what depends on "
      "epsilon or gamma is no property of the weights; look for settings that agree, and in "
      "/llc/chain_loss whether the chains came to rest",
      of_steps(differing.count, record.coefficient.size()), differing.example);
}

/// By how much the coefficient of the second half of the draws lies above that of the first half,
/// as a mean over chains with its standard error. Both halves see each batch equally often: with an
/// odd number of rounds over the batches the one in the middle is in neither. Nothing with one
/// round.
std::optional<curvature::Estimate> drift(const std::vector<curvature::Vector>& losses,
                                         const curvature::Langevin& setting, std::int64_t batches) {
  const std::int64_t half = setting.draws / batches / 2 * batches;
  if (half == 0) return std::nullopt;
  std::vector<curvature::Vector> differences;
  differences.reserve(losses.size());
  for (const curvature::Vector& loss : losses) {
    const auto first = loss.begin() + setting.burn_in;
    auto& difference = differences.emplace_back(static_cast<std::size_t>(half));
    std::ranges::transform(loss.end() - half, loss.end(), first, first + half, difference.begin(),
                           std::minus<>());
  }
  curvature::Langevin of_half = setting;
  of_half.burn_in = 0;
  of_half.draws = half;
  const auto found = learning_coefficient(differences, 0, of_half);
  return curvature::Estimate{found.value, found.error};
}

std::optional<std::string> not_at_rest(const ProbeRecord& record, const Measure& by) {
  Finding moving;
  for (const ProbeRecord::Chains& one : record.coefficient) {
    for (std::size_t i = 0; i < by.settings.size(); ++i) {
      const curvature::Langevin& setting = by.settings[i];
      const auto value = learning_coefficient(one.losses[i], one.baseline, setting).value;
      const auto change = drift(one.losses[i], setting, by.batches);
      const double least = 0.05 * std::abs(value);
      if (!change || std::abs(change->value) <= std::max(least, by.width * change->error)) continue;
      moving.add([&] {
        return fmt::format(
            "step {}, epsilon {}, gamma {}: {:.3g}, and from the first half of the draws to the "
            "second {:+.2g} +- {:.1g}",
            one.step, setting.step, setting.localisation, value, change->value, change->error);
      });
    }
  }
  if (moving.count == 0) return std::nullopt;
  return fmt::format(
      "{} of {} coefficients still change along the draws ({}): the chains have not come to rest; "
      "take a larger --llc-burn-in",
      moving.count, record.coefficient.size() * by.settings.size(), moving.example);
}

}  // namespace

std::optional<std::string> divergence(const ProbeRecord::Chains& at, const ProbeRequest& request) {
  const auto settings = settings_of(request);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& chains = at.losses[i];
    const auto ran =
        std::ranges::count_if(chains, [](const auto& c) { return runaway(c).has_value(); });
    if (ran == 0) continue;
    const auto first =
        std::ranges::find_if(chains, [](const auto& c) { return runaway(c).has_value(); });
    return fmt::format(
        "{} of {} chains with epsilon {} and gamma {} diverged at step {}: a loss of {:.3g} nat",
        ran, chains.size(), settings[i].step, settings[i].localisation, at.step,
        std::abs(*runaway(*first)));
  }
  return std::nullopt;
}

std::vector<std::string> doubts(const ProbeRecord& record) {
  std::vector<std::string> lines;
  if (!record.request.coefficient) return lines;
  const auto add = [&](const std::optional<std::string>& line) {
    if (line) lines.push_back(*line);
  };
  add(too_strong_a_pull(record));
  if (record.request.coefficient->chains < 2) return lines;  // no errors to hold them to
  const Measure measure(record.request);
  add(not_at_rest(record, measure));
  add(disagreement(record, measure));
  return lines;
}

}  // namespace icl::analysis
