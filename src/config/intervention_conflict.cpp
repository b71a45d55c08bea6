#include "conflicts.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/blocks.hpp"
#include "icl/config/intervention.hpp"
#include "icl/config/steps.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

/// Whether two clamps are of one head; those that name none are of the last layer.
bool share_a_head(const Clamping& a, const Clamping& b, std::int64_t last_layer) {
  return a.layer.value_or(last_layer) == b.layer.value_or(last_layer) &&
         (!a.head || !b.head || *a.head == *b.head);
}

}  // namespace

std::optional<Conflict> in_clamps(const Config& c) {
  if (!c.intervene.clamp) return std::nullopt;
  const bool blocks = row_of(c.model.system).has.heads;
  const std::int64_t last_layer = blocks ? blocks_shape(c).n_layers - 1 : 0;
  const std::vector<Clamping>& all = **c.intervene.clamp;
  constexpr std::int64_t forever = INT64_MAX;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Clamping& a = all[i];
      const Clamping& b = all[j];
      if (a.first >= b.last.value_or(forever) || b.first >= a.last.value_or(forever)) continue;
      if (!share_a_head(a, b, last_layer)) continue;
      return Conflict{
          fmt::format("intervene.clamp: \"{}\" and \"{}\" overlap", name_of(b), name_of(a)),
          {"intervene.clamp"}};
    }
  }
  return std::nullopt;
}

std::optional<Conflict> in_interventions(const Config& c) {
  const std::int64_t steps = last_step(c);
  const auto check = [&](std::string_view key, const auto& all,
                         const auto& name_of) -> std::optional<Conflict> {
    if (!all) return std::nullopt;
    for (const auto& one : **all) {
      if (one.first < steps && one.last.value_or(steps) <= steps) continue;
      return Conflict{fmt::format("{}: steps {}:{} of \"{}\" lie outside of the run's 0:{}", key,
                                  one.first, one.last.value_or(steps), name_of(one), steps),
                      {key, "train.epochs", "train.steps_per_epoch"}};
    }
    return std::nullopt;
  };
  const auto own_name = [](const Intervention& one) { return std::string_view(one.name); };
  const auto full_name = [](const Clamping& one) { return name_of(one); };
  auto found = check("intervene.freeze", c.intervene.freeze, own_name);
  if (!found) found = check("intervene.clamp", c.intervene.clamp, full_name);
  if (!found) found = check("intervene.rate", c.intervene.rate, own_name);
  return found;
}

std::optional<Conflict> in_rates(const Config& c) {
  if (!c.intervene.rate) return std::nullopt;
  const std::vector<Intervention>& all = **c.intervene.rate;
  for (const Intervention& one : all) {
    if (one.factor == 0) continue;
    double rate = c.train.learning_rate;
    for (const Intervention& other : all) {
      if (other.factor != 0 && other.holds(one.first)) rate *= other.factor;
    }
    if (rate >= least_rate && rate <= greatest_rate) continue;
    return Conflict{fmt::format("train.learning_rate = {} times the factors of intervene.rate at "
                                "step {} is {:.6g}: must be from {} to {}, or exactly 0",
                                c.train.learning_rate, one.first, rate, least_rate, greatest_rate),
                    {"intervene.rate", "train.learning_rate"}};
  }
  return std::nullopt;
}

}  // namespace icl::config
