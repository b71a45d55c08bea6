#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/parallel.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::model {

/// What a system keeps between forward and backward for one batch: each system has its own kind.
/// Owned by the caller, so that forward is const and a model may be run on several batches at once.
class Activations {
 public:
  explicit Activations(std::int64_t batch) : logits({batch}), dlogits({batch}) {}
  Activations(const Activations&) = delete;
  Activations& operator=(const Activations&) = delete;
  virtual ~Activations() = default;

  /// What forward computed, by name and in its order, logits last: where to look for the origin of
  /// a number that is not finite.
  using NamedTensor = std::pair<std::string_view, const Tensor*>;
  [[nodiscard]] virtual std::vector<NamedTensor> forward_tensors() const = 0;

  Tensor logits;   ///< z [B]
  Tensor dlogits;  ///< [B], to be filled before backward
};

/// A system of Nguyen & Reddy (2024): parameters, and one logit z for each sequence.
class Model : public TokenEncoder {
 public:
  /// The trained tensors, in a fixed order.
  [[nodiscard]] virtual std::vector<nn::Parameter*> parameters() = 0;

  /// Draws all parameters: a pure function of the seed.
  virtual void initialise(std::int64_t seed) = 0;

  /// What the MLP of one step of training cannot avoid on `batch` sequences: floating-point
  /// operations of its products forward and backward, two for a multiply-add.
  [[nodiscard]] virtual double mlp_flops(std::int64_t batch) const = 0;

  /// Room for batches of up to `batch` sequences of `length` tokens.
  [[nodiscard]] virtual std::unique_ptr<Activations> make_activations(
      std::int64_t batch, std::int64_t length) const = 0;

  /// Fills the logits of the batch. `activations` must be this model's own.
  virtual void forward(const Batch&, Activations&, const Workers&) const = 0;

  /// From dlogits and what forward of the same batch left: hands each parameter's gradient to its
  /// sink. A sink may change the value, so that forward must run again before the next backward.
  virtual void backward(const Batch&, Activations&, const Workers&) = 0;
};

/// The systems that exist: the one place to register a new one.
struct System {
  std::string_view name;  ///< value of model.system
  std::unique_ptr<Model> (*make)(const config::Config&);
};
[[nodiscard]] std::span<const System> systems();

/// The model that model.system names, uninitialised.
[[nodiscard]] std::unique_ptr<Model> make_model(const config::Config&);

/// Number of trained numbers.
[[nodiscard]] std::int64_t parameter_count(Model&);

}  // namespace icl::model
