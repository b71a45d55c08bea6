#pragma once

#include <cstdint>
#include <memory>

#include "icl/config/config.hpp"
#include "icl/model/model.hpp"

namespace icl::run {

/// Of a parameter or activation, and of a number of the metrics.
inline constexpr double real_bytes = sizeof(Real);
inline constexpr double number_bytes = sizeof(double);
/// What a publication takes: libhdf5 builds the image of the file, and we copy it.
inline constexpr double image_and_copy = 2;

/// The sizes [bytes] that the parts of a run are made of, computed from its configuration.
class Sizes {
 public:
  /// The configuration must outlive it. Describes the model; allocates nothing of it.
  explicit Sizes(const config::Config&);

  /// Bytes of one copy of all parameters.
  [[nodiscard]] double parameters() const { return parameters_; }
  /// How many copies of them an optimiser's state takes, the parameters among them.
  [[nodiscard]] double copies_in_state() const { return 1 + moments(); }
  /// What the optimiser keeps beside the parameters: a gradient, and its moments.
  [[nodiscard]] double optimiser() const;

  /// The tables of the task: its items, with their labels and encoded tokens, or what it draws
  /// from.
  [[nodiscard]] double items(std::int64_t width) const;

  /// A forward and backward pass on so many sequences, with the batch. `own_tokens`: the batch
  /// holds its tokens itself, and not row numbers in the table of items.
  [[nodiscard]] double pass(std::int64_t sequences, bool own_tokens) const;
  /// The same of training, with the answers that it asks for.
  [[nodiscard]] double training_pass() const;
  /// A batch of so many sequences whose tokens have `width` numbers.
  [[nodiscard]] double batch(std::int64_t sequences, std::int64_t width, bool own_tokens) const;

  /// The answers of ideal observers to the sequences of an evaluation, beside the network's, and
  /// what so many threads need to compute them, an observer after the other.
  [[nodiscard]] double observers(int threads) const;

  /// A pass of the probes over their sequences, and what they keep of each.
  [[nodiscard]] double probes() const;

  /// A snapshot: parameters, with record.optimizer its moments, with record.activations these.
  [[nodiscard]] double snapshot() const;
  /// The sequences of the fixed set, as they are drawn, kept and recorded, and a pass over them.
  [[nodiscard]] double fixed_set() const;

  /// The snapshots that are due up to a step, inclusive.
  [[nodiscard]] double snapshots_to(std::int64_t step) const;

  /// The snapshots but the last one, and the metrics: what the record of a run grows to.
  [[nodiscard]] double record() const;
  /// The state that a publication holds, and what eval.refine keeps beside it.
  [[nodiscard]] double state() const;
  /// What eval.refine keeps while it looks for the step: the weights before, and as they were.
  [[nodiscard]] double kept_for_refining() const;

  [[nodiscard]] std::int64_t token_width() const { return model_->token_width(); }

 private:
  /// How many copies of the parameters the optimiser's moments are.
  [[nodiscard]] double moments() const;

  const config::Config& config_;
  std::unique_ptr<model::Model> model_;
  double parameters_;
};

}  // namespace icl::run
