#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/intervention.hpp"
#include "icl/nn/attending.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::train {

/// What intervene.freeze, intervene.clamp and intervene.rate do at each step of a run. A
/// sub-circuit is a group of parameters (attention, memoriser), a parameter by name, or all whose
/// names begin with the same dotted parts.
class Interventions {
 public:
  /// Throws Error(ExitCode::usage) that lists what there is, for a name that is no sub-circuit of
  /// these parameters.
  Interventions(const config::Intervene&, std::span<nn::Parameter* const>);

  /// The factor on train.learning_rate of each parameter in the step from `step` to `step` + 1,
  /// where all have `share` (rate_share()) of it; 0 for those that are not trained. Valid until the
  /// next call.
  [[nodiscard]] std::span<const double> factors(std::int64_t step, double share);
  /// What attention is clamped to in that step; the heads are this object's.
  [[nodiscard]] nn::Clamps clamps(std::int64_t step) const;

 private:
  struct OnParameter {
    config::Intervention what;
    std::vector<std::size_t> parameters;  ///< which
  };
  /// Steps from `first` on in which the same clamps hold.
  struct Stretch {
    std::int64_t first;
    nn::Attending target = nn::Attending::learned;
    std::vector<nn::HeadClamp> heads;
  };

  void cut(const std::vector<config::Clamping>&);
  void add(const std::string& key, const config::Intervention&, std::span<nn::Parameter* const>);

  std::vector<double> base_;  ///< 0 for parameters that are never trained
  std::vector<double> factors_;
  std::vector<OnParameter> rates_;
  std::vector<Stretch> stretches_;  ///< by their first steps, which begin with 0
};

}  // namespace icl::train
