#include "icl/train/interventions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <type_traits>

#include "icl/core/error.hpp"

namespace icl::train {
namespace {

bool is_part_of(const nn::Parameter& parameter, std::string_view name) {
  if (name == "attention") return parameter.group == nn::Group::attention;
  if (name == "memoriser") return parameter.group == nn::Group::mlp;
  return parameter.name == name ||
         (parameter.name.starts_with(name) && parameter.name.substr(name.size()).starts_with('.'));
}

nn::Attending attending_of(config::Clamp clamp) {
  switch (clamp) {
    case config::Clamp::copy:
      return nn::Attending::copy;
    case config::Clamp::uniform:
      return nn::Attending::uniform;
    case config::Clamp::none:
      return nn::Attending::none;
    case config::Clamp::previous:
      break;
  }
  return nn::Attending::previous;
}

template <class List>
auto all_of(const std::optional<List>& list) {
  return list ? **list : std::remove_cvref_t<decltype(**list)>{};
}

}  // namespace

Interventions::Interventions(const config::Intervene& config,
                             std::span<nn::Parameter* const> parameters)
    : factors_(parameters.size()) {
  for (const nn::Parameter* p : parameters) base_.push_back(p->frozen ? 0 : 1);
  for (config::Intervention freeze : all_of(config.freeze)) {
    freeze.factor = 0;
    add("intervene.freeze", freeze, parameters);
  }
  for (const auto& rate : all_of(config.rate)) {
    add("intervene.rate", rate, parameters);
  }
  cut(all_of(config.clamp));
}

/// Into stretches between the steps at which a clamp begins or ends.
void Interventions::cut(const std::vector<config::Clamping>& clamps) {
  std::set<std::int64_t> firsts{0};
  for (const config::Clamping& clamp : clamps) {
    firsts.insert(clamp.first);
    if (clamp.last) firsts.insert(*clamp.last);
  }
  for (const std::int64_t first : firsts) {
    Stretch& stretch = stretches_.emplace_back(Stretch{first, nn::Attending::learned, {}});
    for (const config::Clamping& clamp : clamps) {
      if (!clamp.holds(first)) continue;
      const nn::Attending to = attending_of(clamp.to);
      if (clamp.layer) {
        stretch.heads.push_back({*clamp.layer, clamp.head.value_or(nn::HeadClamp::all), to});
      } else if (stretch.target == nn::Attending::learned) {
        stretch.target = to;
      }
    }
  }
}

void Interventions::add(const std::string& key, const config::Intervention& what,
                        std::span<nn::Parameter* const> parameters) {
  OnParameter one{what, {}};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (is_part_of(*parameters[i], what.name)) one.parameters.push_back(i);
    names.push_back(parameters[i]->name);
  }
  if (one.parameters.empty()) {
    throw Error(ExitCode::usage,
                fmt::format("{}: there is no sub-circuit \"{}\" in this system; there are "
                            "attention and memoriser (as far as it has them), and the parameters "
                            "{}",
                            key, what.name, fmt::join(names, ", ")));
  }
  rates_.push_back(std::move(one));
}

std::span<const double> Interventions::factors(std::int64_t step, double share) {
  std::ranges::transform(base_, factors_.begin(), [&](double one) { return one * share; });
  for (const OnParameter& one : rates_) {
    if (!one.what.holds(step)) continue;
    for (const std::size_t i : one.parameters) factors_[i] *= one.what.factor;
  }
  return factors_;
}

nn::Clamps Interventions::clamps(std::int64_t step) const {
  const auto after = std::ranges::upper_bound(stretches_, step, {}, &Stretch::first);
  const Stretch& now = *std::prev(after);
  return {now.target, now.heads};
}

}  // namespace icl::train
