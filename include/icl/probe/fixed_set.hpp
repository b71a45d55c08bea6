#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/model/model.hpp"
#include "icl/probe/fixed_sequences.hpp"
#include "icl/task/task.hpp"

namespace icl::probe {

/// The sequences on which record.activations are recorded: the same at every step, and of equal
/// seed.probe the same whatever train.seed is (novel items of the sequences are drawn with them;
/// training items are the run's). Empty without record.activations.
class FixedSet {
 public:
  /// Sequences in one forward pass.
  static constexpr std::int64_t chunk = 128;

  FixedSet(const config::Config&, const task::Task&, const model::Model&, const Workers&);

  [[nodiscard]] const FixedSequences& sequences() const { return sequences_; }

  /// The activations of the model, for each of activation_shapes() [B, extent]. Valid until the
  /// next call. No allocation.
  [[nodiscard]] const std::vector<std::vector<Real>>& read(const model::Model&, const nn::Clamps&,
                                                           const Workers&);

 private:
  void draw(task::Items, std::int64_t count, const config::Config&, const Workers&);
  void add(const Batch& plain, bool novel);
  [[nodiscard]] const Tensor* tensor_of(const config::ActivationRow&) const;
  void take(std::int64_t first);

  const task::Task& task_;
  FixedCounts counts_;
  std::vector<ActivationShape> shapes_;
  FixedSequences sequences_;
  Batch batch_;
  std::unique_ptr<model::Activations> activations_;
  std::vector<const Tensor*> tensors_;  ///< of activations_, for each of shapes_
  std::vector<std::vector<Real>> values_;
};

}  // namespace icl::probe
