#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/parameter.hpp"
#include "icl/train/state.hpp"

namespace icl::train {

/// lambda of a parameter: that of its group.
[[nodiscard]] double decay_of(const config::Train&, const nn::Parameter&);

/// Sum of x_k^2, in double and in the order of the entries.
[[nodiscard]] double sum_of_squares(std::span<const Real>);

/// What clipping to train.clip_norm multiplies each gradient by: min(1, clip_norm / (|g| + 1e-6))
/// as torch.nn.utils.clip_grad_norm_, |g|^2 = `squares` over all parameters that the step trains; 1
/// without clipping.
[[nodiscard]] Real clip_factor(const config::Train&, double squares);

/// A rule of updates, with L2 weight decay by group of parameters: g + lambda w takes the place of
/// the gradient g (but for AdamW). A step is prepare, a backward pass, finish; no allocation in
/// them.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Sets the sinks for the next backward pass. Parameter i learns at the rate times factors[i]; at
  /// factor 0 it stays as it is.
  virtual void prepare(std::span<const double> factors) = 0;
  /// Makes the update that backward has not made.
  virtual void finish(const Workers&) = 0;

  /// Euclidean norm of the update that prepare and finish would make with gradient g, clipped
  /// already, of parameter i.
  [[nodiscard]] virtual double update_norm(std::size_t i, std::span<const Real> g,
                                           double factor) const = 0;

  [[nodiscard]] virtual Moments moments() const { return {}; }
  /// Takes moments over, or begins anew if they are another optimiser's (empty).
  virtual void restore(const Moments&) {}
};

/// What a file src/train/optimizer/NAME.cpp defines for the row of NAME in config::ICL_OPTIMIZERS.
struct OptimizerRule {
  std::unique_ptr<Optimizer> (*make)(const config::Train&, std::span<nn::Parameter* const>);
  std::span<const std::string_view> moments;  ///< names of what it remembers of each parameter
  std::string_view title;                     ///< whose moments these are
};
namespace optimizer_rules {
#define ICL_ROW(name, ...) extern const OptimizerRule name;
ICL_OPTIMIZERS(ICL_ROW)
#undef ICL_ROW
}  // namespace optimizer_rules

/// The names of Moments::tensors, and of their groups in run files.
[[nodiscard]] std::span<const std::string_view> moment_names(config::Optimizer);
[[nodiscard]] std::string_view title_of(config::Optimizer);

/// The optimiser that train.optimizer names, of these parameters.
[[nodiscard]] std::unique_ptr<Optimizer> make_optimizer(const config::Train&,
                                                        std::span<nn::Parameter* const>);

}  // namespace icl::train
