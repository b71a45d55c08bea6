#include "icl/train/interventions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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
      break;
  }
  return nn::Attending::none;
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
  for (const auto& clamp : all_of(config.clamp)) {
    clamps_.push_back({clamp, attending_of(clamp.to)});
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

nn::Attending Interventions::attending(std::int64_t step) const {
  for (const Clamp& clamp : clamps_) {
    if (clamp.what.holds(step)) return clamp.attending;
  }
  return nn::Attending::learned;
}

}  // namespace icl::train
