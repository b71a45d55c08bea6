#include "icl/train/optimizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace icl::train {
namespace {

const OptimizerRule& rule_of(config::Optimizer optimizer) {
#define ICL_ROW(name, ...) &optimizer_rules::name,
  static constexpr std::array rules{ICL_OPTIMIZERS(ICL_ROW)};
#undef ICL_ROW
  return *rules.at(static_cast<std::size_t>(optimizer));
}

}  // namespace

double decay_of(const config::Train& config, const nn::Parameter& p) {
  return p.group == nn::Group::attention ? config.weight_decay_attention : config.weight_decay_mlp;
}

double sum_of_squares(std::span<const Real> x) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  return squares;
}

Real clip_factor(const config::Train& config, double squares) {
  if (!config.clip_norm) return 1;
  constexpr double torch_epsilon = 1e-6;
  return static_cast<Real>(std::min(1.0, *config.clip_norm / (std::sqrt(squares) + torch_epsilon)));
}

std::unique_ptr<Optimizer> make_optimizer(const config::Train& config,
                                          std::span<nn::Parameter* const> parameters) {
  return rule_of(config.optimizer).make(config, parameters);
}

std::span<const std::string_view> moment_names(config::Optimizer optimizer) {
  return rule_of(optimizer).moments;
}

std::string_view title_of(config::Optimizer optimizer) { return rule_of(optimizer).title; }

}  // namespace icl::train
