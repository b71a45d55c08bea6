#include "icl/train/next_update.hpp"

#include <cmath>

#include "icl/train/schedule.hpp"

namespace icl::train {
namespace {

double norm(std::span<const Real> x) { return std::sqrt(sum_of_squares(x)); }

}  // namespace

NextUpdate::NextUpdate(const config::Config& config, const std::int64_t& step, model::Model& model,
                       TrainingPass& pass, const Optimizer& optimizer, Interventions& interventions)
    : config_(config),
      step_(step),
      model_(model),
      pass_(pass),
      optimizer_(optimizer),
      interventions_(interventions),
      parameters_(model.parameters()) {
  if (!probe::reads_update(config)) return;
  norms_.resize(parameters_.size());
  gradients_.reserve(parameters_.size());
  for (const nn::Parameter* p : parameters_) gradients_.emplace_back(p->value.shape());
}

void NextUpdate::backward(const Workers& workers) {
  static_cast<void>(pass_.forward(model_, step_, interventions_.clamps(step_), workers));
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i]->sink = {gradients_[i].data(), Real{1}, Real{0}, false};
  }
  pass_.backward(model_, workers);
}

std::span<const probe::Norms> NextUpdate::norms(const Workers& workers) {
  backward(workers);
  const auto factors = interventions_.factors(step_, rate_share(config_, step_));
  double squares = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (factors[i] != 0) squares += sum_of_squares(gradients_[i].values());
  }
  const Real scale = clip_factor(config_.train, squares);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto gradient = gradients_[i].values();
    const double whole = norm(gradient);
    for (Real& g : gradient) g *= scale;
    norms_[i] = {norm(parameters_[i]->value.values()), whole,
                 optimizer_.update_norm(i, gradient, factors[i])};
  }
  return norms_;
}

}  // namespace icl::train
